"""Processes die; guests go on."""

import os
import signal
import subprocess
import unittest

from node import NodeTest, wait_until

LOOKUPS = 10_000
KILLS = 20

# Looks up again and again; says "N" now and then, so that the killer keeps pace with it; any wrong answer ends it.
LOAD = f"""
import socket
for i in range({LOOKUPS}):
    found = sorted(a[4][0] for a in socket.getaddrinfo("web.test", 80, 0, socket.SOCK_STREAM))
    assert found == ["192.0.2.10", "2001:db8::10"], (i, found)
    if i % {LOOKUPS // (KILLS + 1)} == 0: print(i, flush=True)
print("all right", flush=True)
"""


class Hang(NodeTest):
    """A backend that is there and does nothing is as bad as none."""

    node_options = {"manager_options": ["--backend-patience", "2"]}

    def test_a_backend_that_hangs_is_replaced(self):
        self.node.apply()
        pid = self.node.backend_pids()[0]
        os.kill(pid, signal.SIGSTOP)
        out = self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        self.assertIn("192.0.2.11", out)
        self.assertNotIn(pid, self.node.backend_pids())
        wait_until(lambda: self.node.metric("vservices_backend_hangs_total") == 1, "the count of hangs")

    def test_one_that_was_taken_over_is_watched_too(self):
        self.node.apply()
        pid = self.node.backend_pids()[0]
        self.node.manager.kill()
        self.node.manager.wait()
        self.node.start_manager()
        wait_until(lambda: self.node.get("binding", "web1-dns")["status"]["state"] == "Bound", "the takeover")
        self.assertEqual(self.node.backend_pids(), [pid])
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: pid not in self.node.backend_pids(), "the end of what hangs")
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))

    def test_one_that_hangs_while_nobody_manages_is_found_by_the_next(self):
        self.node.apply()
        pid = self.node.backend_pids()[0]
        self.node.manager.kill()
        self.node.manager.wait()
        os.kill(pid, signal.SIGSTOP)
        self.node.start_manager()
        wait_until(lambda: pid not in self.node.backend_pids(), "the end of what hangs")
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))


class Crash(NodeTest):
    def setUp(self):
        super().setUp()
        self.node.apply()

    def load(self):
        return self.node.popen("run", "web1", "--", "python3", "-c", LOAD, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, load, said):
        out, err = load.communicate()
        self.assertEqual(load.returncode, 0, err)
        self.assertEqual((said + out.splitlines())[-1], "all right")

    def test_the_backend_is_killed_twenty_times_and_no_answer_is_wrong(self):
        load = self.load()
        said = []
        for _ in range(KILLS):
            said.append(load.stdout.readline())
            self.node.kill_backend()
        self.finish(load, said)
        wait_until(lambda: self.node.metric("vservices_backend_restarts_total") >= KILLS, "the count of restarts")

    def test_the_manager_is_killed_and_guests_do_not_notice(self):
        before = self.node.backend_pids()
        self.assertEqual(len(before), 1)
        load = self.load()
        load.stdout.readline()
        self.node.manager.kill()
        self.node.manager.wait()
        out, err = load.communicate()  # all of it without a manager
        self.assertEqual(load.returncode, 0, err)
        self.assertTrue(out.endswith("all right\n"))
        self.node.start_manager()
        wait_until(lambda: self.node.get("binding", "web1-dns")["status"]["state"] == "Bound", "the takeover")
        self.assertEqual(self.node.backend_pids(), before)
        out = self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        self.assertIn("192.0.2.11", out)

    def test_the_manager_ends_politely_and_leaves_the_backend(self):
        before = self.node.backend_pids()
        self.node.manager.send_signal(signal.SIGTERM)
        self.assertEqual(self.node.manager.wait(), 0)
        self.assertEqual(self.node.backend_pids(), before)
        self.node.start_manager()
        wait_until(lambda: self.node.get("binding", "web1-dns")["status"]["state"] == "Bound", "the takeover")

    def test_what_a_dead_backend_left_is_cleared_away(self):
        home = self.node.run_directory / "domains/web2"
        self.assertTrue((home / "dns").is_socket())
        pid = self.node.backend_pids()[0]
        os.kill(pid, signal.SIGSTOP)  # it cannot remove its socket
        self.assertRan(self.node.vsctl("delete", "binding", "web2-dns"))
        wait_until(lambda: not (home / "dns").exists(), "the end of the socket")
        self.assertRan(self.node.vsctl("delete", "domain", "web2"))
        wait_until(lambda: not home.exists(), "the end of the directory")
        os.kill(pid, signal.SIGCONT)

    def test_without_its_service_the_backend_goes(self):
        for kind, name in (("binding", "web1-dns"), ("binding", "web2-dns"), ("service", "dns")):
            self.assertRan(self.node.vsctl("delete", kind, name))
        wait_until(lambda: self.node.backend_pids() == [], "the end of the backend")

    def test_the_backend_has_no_privilege(self):
        pid = self.node.backend_pids()[0]
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
        self.assertNotIn("0", status["Uid"].split())
        self.assertNotIn("0", status["Gid"].split())
        self.assertEqual(int(status["CapEff"], 16) | int(status["CapPrm"], 16), 0)
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        self.assertEqual(status.get("Groups", "").strip(), "")
        sockets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        self.assertFalse([name for name in sockets if "vsmgrd.db" in name])


if __name__ == "__main__":
    unittest.main()
