"""vsctl's verbs against a real daemon: what is written is kept, what is waited for is so, what is shown is true."""

import json
import os
import signal
import subprocess
import unittest

from node import POLICY, NodeTest, wait_until


class Verbs(NodeTest):
    def test_a_patch_changes_one_member_and_leaves_the_rest(self):
        self.node.apply()
        patch = json.dumps({"metadata": {"labels": {"team": "web"}}})
        self.assertEqual(self.assertRan(self.node.vsctl("patch", "domain", "web1", "-p", patch)), "domain/web1 updated\n")
        self.assertEqual(self.assertRan(self.node.vsctl("patch", "domain", "web1", "-p", patch)), "domain/web1 unchanged\n")
        domain = self.node.get("domain", "web1")
        self.assertEqual(domain["metadata"]["labels"], {"team": "web"})
        self.assertEqual(domain["spec"]["type"], "sandbox")
        version = domain["metadata"]["resourceVersion"]
        stale = self.node.vsctl("patch", "domain", "web1", "-p", "{}", "--if-match", str(version - 1))
        self.assertRan(stale, 4)
        wrong = self.node.vsctl("patch", "domain", "web1", "-p", '{"spec": {"type": "toaster"}}')
        self.assertRan(wrong, 2)
        self.assertIn("/spec/type", wrong.stderr)

    def test_wait_ends_when_it_is_so_and_not_before(self):
        self.node.apply()
        self.assertRan(self.node.vsctl("wait", "binding", "web1-dns", "--for", "state=Bound", "--timeout", "60s"))
        self.assertRan(self.node.vsctl("wait", "binding", "web2-dns", "--for", "state=Denied", "--timeout", "60s"))
        self.assertRan(self.node.vsctl("wait", "binding", "web2-dns", "--for", "state=Bound", "--timeout", "200ms"), 7)
        self.assertRan(self.node.vsctl("wait", "binding", "web9-dns", "--for", "state=Bound"), 3)
        waiter = self.node.popen("wait", "binding", "web2-dns", "--for", "deleted", "--timeout", "60s", stdout=subprocess.PIPE)
        self.assertRan(self.node.vsctl("delete", "binding", "web2-dns"))
        self.assertEqual(waiter.communicate()[0], "binding/web2-dns is deleted\n")
        self.assertEqual(waiter.returncode, 0)

    def test_committed_and_not_in_force_is_65_and_stays_recorded(self):
        self.node.apply()
        (pid,) = self.node.backend_pids()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        late = self.node.vsctl("apply", "-f", "-", "--timeout", "500ms", text=(
            POLICY + "---\napiVersion: vservices/v1\nkind: Binding\nmetadata: {name: late}\n"
            "spec: {domain: web1, service: dns, device: late}\n") % self.node.parameters)
        self.assertRan(late, 65)
        self.assertIn("binding/late", late.stderr)
        self.assertEqual(self.node.get("binding", "late")["spec"]["device"], "late")

    def test_lists_are_tables_csv_names_and_documents_that_apply_takes(self):
        self.node.apply()
        self.assertEqual(self.assertRan(self.node.vsctl("get", "domains", "-o", "name")), "domain/web1\ndomain/web2\n")
        header, *rows = self.assertRan(self.node.vsctl("get", "bindings", "-o", "csv")).splitlines()
        self.assertEqual(len(rows), 2)
        self.assertTrue(header.startswith("NAME,DOMAIN,SERVICE,DEVICE,STATE,"))
        self.assertIn("UID", self.assertRan(self.node.vsctl("get", "bindings", "-o", "wide")))
        documents = self.assertRan(self.node.vsctl("get", "bindings", "-o", "yaml"))
        again = self.assertRan(self.node.vsctl("apply", "-f", "-", "--detailed-exitcode", text=documents))
        self.assertEqual(again, "binding/web1-dns unchanged\nbinding/web2-dns unchanged\n")

    def test_detailed_exit_codes_tell_changed_from_unchanged(self):
        text = POLICY % self.node.parameters
        self.assertRan(self.node.vsctl("apply", "-f", "-", "--detailed-exitcode", text=text), 10)
        self.assertRan(self.node.vsctl("apply", "-f", "-", "--detailed-exitcode", text=text), 0)

    def test_top_shows_who_asks_and_how_often(self):
        self.node.apply()
        guest = self.node.popen("run", "web1", "--", "sh", "-c", "while :; do getent hosts v4.test >/dev/null; done")
        self.addCleanup(guest.wait)
        self.addCleanup(guest.kill)

        def busy():
            usage = json.loads(self.assertRan(self.node.vsctl("top", "--interval", "1s", "-o", "json")))["items"]
            return any(one["domain"] == "web1" and one["requestsPerSecond"] > 0 and one["p99Us"] > 0 for one in usage)

        wait_until(busy, "a second with answered requests")

    def test_metrics_are_told_while_a_backend_is_stopped(self):
        self.node.apply()
        (pid,) = self.node.backend_pids()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        for _ in range(3):
            self.assertGreater(self.node.metric("vservices_objects", kind="Binding"), 0)
            self.assertIn(f"State:\tT", open(f"/proc/{pid}/status").read())


class Killed(NodeTest):
    ROUNDS = 8

    def test_no_acknowledged_write_is_lost_when_the_daemon_is_killed_under_a_stream_of_them(self):
        self.node.apply()
        acknowledged = set()
        for turn in range(self.ROUNDS):
            writers = [self.node.popen("apply", "-f", "-", "--no-wait", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL) for _ in range(4)]
            names = [f"k{turn}-{number}" for number in range(len(writers))]
            for writer, name in zip(writers, names):
                writer.stdin.write(f"apiVersion: vservices/v1\nkind: Domain\nmetadata: {{name: {name}}}\nspec: {{type: sandbox}}\n")
                writer.stdin.close()
            for writer in writers[:turn % len(writers)]:
                writer.wait()
            self.node.manager.kill()
            self.node.manager.wait()
            for writer, name in zip(writers, names):
                if f"domain/{name} created" in writer.stdout.read():
                    acknowledged.add(name)
                writer.wait()
            self.node.start_manager()
            declared = {line.removeprefix("domain/") for line in
                        self.assertRan(self.node.vsctl("get", "domains", "-o", "name")).splitlines()}
            self.assertLessEqual(acknowledged, declared)
        self.assertGreater(len(acknowledged), 0)


if __name__ == "__main__":
    unittest.main()
