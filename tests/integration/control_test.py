"""What an operator does, and does wrong: vsctl against a real daemon, to the exit status."""

import os
import pathlib
import sqlite3
import subprocess
import unittest

from node import BIN, POLICY, Node, NodeTest, wait_until

BAD = """apiVersion: vservices/v1
kind: Domain
metadata: {name: web3, nmae: x}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web3-dns}
spec: {domain: nobody, service: nothing, device: dns}
---
apiVersion: vservices/v1
kind: Service
metadata: {name: dns3}
spec:
  kind: dns
  kind: dns
  parameters: {tries: many}
"""


class Operator(NodeTest):
    def test_a_bad_file_changes_nothing_and_lists_every_error(self):
        self.node.apply()
        before = self.node.vsctl("get", "domains", "-o", "json").stdout
        path = self.node.directory / "bad.yaml"
        path.write_text(BAD)
        result = self.node.vsctl("apply", "-f", str(path))
        self.assertRan(result, 2)
        for place in (":3:", ":16:", ":17:"):
            self.assertIn(str(path) + place, result.stderr)
        self.assertEqual(self.node.vsctl("get", "domains", "-o", "json").stdout, before)
        only_references = "\n---\n".join(BAD.split("---\n")[1:2])
        path.write_text(only_references)
        result = self.node.vsctl("apply", "-f", str(path))
        self.assertRan(result, 2)
        self.assertIn("nobody", result.stderr)
        self.assertIn("nothing", result.stderr)

    def test_apply_twice_says_unchanged(self):
        self.node.apply()
        out = self.node.apply().stdout
        self.assertNotIn("created", out)
        self.assertNotIn("updated", out)
        self.assertIn("unchanged", out)

    def test_exit_codes(self):
        self.node.apply()
        self.assertRan(self.node.vsctl("get", "domain", "nobody"), 3)
        self.assertRan(self.node.vsctl("get", "nonsense"), 2)
        self.assertRan(self.node.vsctl("delete", "domain", "web1"), 4)  # bindings refer to it
        self.assertRan(self.node.vsctl("explain", "web1", "dns"), 0)
        self.assertRan(self.node.vsctl("explain", "web2", "dns"), 1)
        self.assertRan(self.node.run("nobody", "true"), 3)
        self.assertRan(self.node.vsctl("--socket", "/nowhere/vsmgrd.sock", "get", "domains"), 6)
        self.assertRan(self.node.run("web1", "sh", "-c", "exit 41"), 41)

    def test_a_policy_change_reaches_running_guests(self):
        self.node.apply()
        guest = self.node.popen("run", "web1", "--", "python3", "-c", """
import socket, sys
for line in sys.stdin:
    try: print(socket.getaddrinfo("v4.test", 80, socket.AF_INET, socket.SOCK_STREAM)[0][4][0], flush=True)
    except socket.gaierror as e: print(e.errno == socket.EAI_AGAIN, flush=True)
""", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def ask():
            guest.stdin.write("\n")
            guest.stdin.flush()
            return guest.stdout.readline().strip()

        self.assertEqual(ask(), "192.0.2.11")
        self.node.apply(POLICY.replace("effect: allow", "effect: deny"))
        self.assertEqual(ask(), "True")
        self.node.apply()
        self.assertEqual(ask(), "192.0.2.11")
        guest.communicate()

    def test_refusals_are_counted_and_shown(self):
        self.node.apply()
        self.node.run("web2", "getent", "hosts", "v4.test")
        wait_until(lambda: self.node.get("binding", "web2-dns")["status"].get("refusedOpens", 0) > 0, "the report")
        self.node.metric_reaches(1, "vservices_opens_refused_total", domain="web2")
        self.assertGreater(self.node.metric("vservices_bindings", state="Denied"), 0)

    def test_metrics_are_what_prometheus_reads(self):
        self.node.apply()
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        wait_until(lambda: self.node.metric("vservices_dns_answers_total", result="found") >= 1, "the counters")
        types = {}
        for line in self.node.vsctl("metrics").stdout.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, types)
                types[name] = kind
        for name, kind in types.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)

    def test_a_newer_database_is_refused(self):
        self.node.apply()
        self.node.manager.terminate()
        self.node.manager.wait()
        with sqlite3.connect(self.node.state / "vsmgrd.db") as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            database.execute(f"PRAGMA user_version = {version + 1}")
        database.close()
        result = subprocess.run([BIN / "vsmgrd", "--check-config", "--state-dir", self.node.state], capture_output=True, text=True)
        self.assertEqual(result.returncode, 78, result.stderr)
        self.assertIn(str(version + 1), result.stderr)
        with sqlite3.connect(self.node.state / "vsmgrd.db") as database:
            database.execute(f"PRAGMA user_version = {version}")
        database.close()
        self.node.start_manager()

    def test_a_second_manager_on_the_same_state_is_refused(self):
        result = subprocess.run([BIN / "vsmgrd", "--state-dir", self.node.state, "--run-dir", self.node.directory / "other"],
                                capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("vsmgrd.db", result.stderr)


class Disk(unittest.TestCase):
    """A state directory on a small file system of its own."""

    def setUp(self):
        self.mount = pathlib.Path("/tmp") / f"vsdisk-{os.getpid()}-{self._testMethodName}"
        self.mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "vsdisk", self.mount], check=True)
        self.node = Node(state=self.mount / "state")

    def tearDown(self):
        self.node.close()
        subprocess.run(["umount", self.mount], check=True)
        self.mount.rmdir()

    def many_domains(self, count):
        return "\n---\n".join(f"apiVersion: vservices/v1\nkind: Domain\nmetadata: {{name: d{i}}}\n"
                              f"spec: {{type: sandbox, description: {'x' * 900}}}" for i in range(count))

    def still_reads(self):
        self.assertEqual(self.node.vsctl("get", "bindings").returncode, 0)
        result = self.node.run("web1", "getent", "hosts", "v4.test")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_full(self):
        self.node.apply()
        with open(self.mount / "ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 4096)
            except OSError:
                pass
        result = self.node.vsctl("apply", "-f", "-", text=self.many_domains(300))
        self.assertEqual(result.returncode, 70, result.stdout + result.stderr)
        self.assertIn("full", (result.stdout + result.stderr).lower())
        self.still_reads()
        (self.mount / "ballast").unlink()
        self.assertEqual(self.node.vsctl("apply", "-f", "-", text=self.many_domains(3)).returncode, 0)

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.mount], check=True)

    def test_read_only(self):
        self.node.apply()
        self.node.manager.terminate()
        self.node.manager.wait()
        self.remount("ro")
        self.node.start_manager()
        wait_until(lambda: self.node.get("binding", "web1-dns")["status"]["state"] == "Bound", "the takeover")
        result = self.node.vsctl("apply", "-f", "-", text=self.many_domains(1))
        self.assertEqual(result.returncode, 6, result.stdout + result.stderr)
        self.assertIn("read-only", (result.stdout + result.stderr).lower())
        self.still_reads()
        self.remount("rw")
        self.assertEqual(self.node.vsctl("apply", "-f", "-", text=self.many_domains(1)).returncode, 0)


if __name__ == "__main__":
    unittest.main()
