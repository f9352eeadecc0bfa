"""The systemd unit: how much it exposes, and that a node still works under it."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from node import BIN, SOURCE, NodeTest, wait_until

UNIT = SOURCE / "packaging/systemd/vsmgrd.service"
SCORE_MAX = 25  # tenths


class Unit(unittest.TestCase):
    def test_it_scores_at_most_2_5(self):
        result = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={SCORE_MAX}", UNIT],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout, r"Overall exposure level for vsmgrd.service: [0-2]\.\d")

    def test_systemd_understands_every_line(self):
        with tempfile.TemporaryDirectory() as directory:
            unit = pathlib.Path(directory) / UNIT.name
            unit.write_text(UNIT.read_text().replace("/usr/sbin/vsmgrd", str(BIN / "vsmgrd")))
            result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        self.assertEqual([line for line in result.stderr.splitlines() if UNIT.name in line], [])
        self.assertEqual(result.returncode, 0, result.stderr)


class Confined(NodeTest):
    node_options = {"manager_launcher": [sys.executable, "-B", pathlib.Path(__file__).with_name("confined.py"), UNIT, "--"],
                    "manager_options": ["--backend-patience", "2"]}

    def test_guests_are_served_under_the_units_limits(self):
        self.node.apply()
        self.assertIn("192.0.2.11", self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test")))
        self.assertRan(self.node.run("web2", "getent", "hosts", "v4.test"), 2)

    def test_the_limits_are_real_and_the_backend_is_another_user(self):
        self.node.apply()
        for pid, uid in ((self.node.manager.pid, 0), (self.node.backend_pids()[0], 65534)):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.assertEqual(int(re.search(r"Uid:\s(\d+)", status)[1]), uid)
            self.assertEqual(int(re.search(r"CapBnd:\s(\w+)", status)[1], 16), 0xE1)  # CHOWN KILL SETGID SETUID
            self.assertIn("Seccomp:\t2", status)
            self.assertIn("NoNewPrivs:\t1", status)

    def test_a_hung_backend_is_replaced_and_a_domain_goes_with_its_directory(self):
        self.node.apply()
        (pid,) = self.node.backend_pids()
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: self.node.backend_pids() not in ([], [pid]), "another backend")
        wait_until(lambda: self.node.run("web1", "getent", "hosts", "v4.test").returncode == 0, "names again")
        for kind, name in (("binding", "web2-dns"), ("domain", "web2")):
            self.assertRan(self.node.vsctl("delete", kind, name))
        wait_until(lambda: not (self.node.run_directory / "domains/web2").exists(), "the directory to go")

    def test_a_new_manager_takes_the_backend_over(self):
        self.node.apply()
        before = self.node.backend_pids()
        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(), 0)
        self.node.start_manager()
        wait_until(lambda: "backend.taken_over" in self.node.log.read_text(), "the backend to be taken over")
        self.assertEqual(self.node.backend_pids(), before)


if __name__ == "__main__":
    unittest.main()
