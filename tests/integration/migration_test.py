"""Two nodes on one machine hand domains to each other: over mutual TLS, with guests that notice nothing, and whoever dies."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from certificates import Authority
from node import DNS_SERVICE, PATIENCE_S, Assertions, Node, dns_guest, free_port, wait_until, wait_until_shows
from rest import Rest

DECLARED = DNS_SERVICE + """
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow, effect: allow, message: these may resolve names, match: {domainLabels: {may: resolve}}}
    - {id: stay, effect: deny, message: blue stays where it is, match: {domainLabels: {tenant: blue}, nodes: [node-b]}}
"""
# Asks again and again, until a line comes in; says how many answers were right, wrong and missing.
ASKER = """
import select, socket, sys
right = wrong = missing = 0
while True:
    try:
        found = sorted(a[4][0] for a in socket.getaddrinfo("web.test", 80, 0, socket.SOCK_STREAM))
        right, wrong = (right + 1, wrong) if found == ["192.0.2.10", "2001:db8::10"] else (right, wrong + 1)
    except OSError:
        missing += 1
    if right == 1: print("asking", flush=True)
    if select.select([sys.stdin], [], [], 0)[0]: break
print(right, wrong, missing, flush=True)
"""


class TwoNodes(Assertions):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsm-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.authority = Authority(self.directory, "nodes-ca")
        self.ports = {name: free_port() for name in ("node-a", "node-b")}
        self.a, self.b = (self.start(name) for name in ("node-a", "node-b"))
        for node in (self.a, self.b):
            node.apply(DECLARED)
        self.a.apply(dns_guest("web1", may="resolve", tenant="red") + dns_guest("web2", may="resolve", tenant="blue"))

    def start(self, name):
        other = "node-b" if name == "node-a" else "node-a"
        key, certificate = self.authority.issue(name, alternative=f"DNS:{name},IP:127.0.0.1")
        node = Node(manager_options=[
            "--node-name", name, "--domains-dir", self.directory / "domains", "--listen", f"127.0.0.1:{self.ports[name]}",
            "--tls-certificate", certificate, "--tls-key", key, "--tls-client-ca", self.authority.certificate,
            "--peer", f"{other}=127.0.0.1:{self.ports[other]}"])
        node.name = name
        self.addCleanup(node.close)
        return node

    def rest(self, node):
        return Rest(node.run_directory / "vsmgrd.sock")

    def migration(self, node, identifier):
        return self.rest(node).get(f"/v1/migrations/{identifier}").json

    def started(self, node, domain="web1", **more):
        answer = self.rest(node).ask("POST", "/v1/migrations", {
            "domain": domain, "node": (self.b if node is self.a else self.a).name, **more})
        self.assertEqual(answer.status, 202, answer.text)
        return answer.json["id"]

    def say(self, node, identifier, word, status=202, **body):
        answer = self.rest(node).ask("POST", f"/v1/migrations/{identifier}:{word}", body or None)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json

    def wait_for(self, node, identifier, **wanted):
        wait_until_shows(lambda: self.migration(node, identifier), wanted, node.log.read_text)

    def serves(self, node, binding="web1-dns"):
        found = node.vsctl("get", "binding", binding, "-o", "json")
        return found.returncode == 0 and json.loads(found.stdout).get("status", {}).get("state") == "Bound"

    def asker(self):
        process = self.a.popen("run", "web1", "--", "python3", "-c", ASKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline().strip(), "asking")
        return process

    def assertAllRight(self, asker):
        out, _ = asker.communicate("\n", timeout=PATIENCE_S)
        right, wrong, missing = map(int, out.split()[-3:])
        self.assertGreater(right, 0)
        self.assertEqual((wrong, missing), (0, 0), f"of {right}")

    def kill(self, node):
        node.manager.kill()
        node.manager.wait()


class Moves(TwoNodes):
    def test_a_guest_that_moves_back_and_forth_gets_every_answer(self):
        asker = self.asker()
        for number in range(6):
            here, there = (self.a, self.b) if number % 2 == 0 else (self.b, self.a)
            out = self.assertRan(here.vsctl("migrate", "start", "web1", "--to", there.name))
            self.assertIn("web1", out)
            wait_until(lambda: self.serves(there) and here.vsctl("get", "domain", "web1").returncode != 0, "web1 to be there alone")
        self.assertAllRight(asker)
        self.assertTrue(self.serves(self.a, "web2-dns"))
        self.assertEqual(self.a.metric_reaches(3, "vservices_migrations_started_total"), 3)
        listed = self.assertRan(self.a.vsctl("migrate", "status"))
        self.assertIn("Done", listed)

    def test_what_stays_and_why(self):
        refused = self.a.vsctl("migrate", "check", "web2", "--to", "node-b")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("blue stays where it is", refused.stderr)
        refused = self.a.vsctl("migrate", "start", "web2", "--to", "node-b")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("blue stays where it is", refused.stdout + refused.stderr)
        self.assertTrue(self.serves(self.a, "web2-dns"))
        self.assertRan(self.a.vsctl("migrate", "check", "web1", "--to", "node-b"))
        self.assertIn("no peer", self.a.vsctl("migrate", "check", "web1", "--to", "node-c").stderr)

    def test_a_node_is_drained(self):
        result = self.a.vsctl("drain", "node-a", "--to", "node-b")
        self.assertNotEqual(result.returncode, 0, "web2 has to stay")
        self.assertIn("blue stays where it is", result.stdout + result.stderr)
        wait_until(lambda: self.serves(self.b), "web1 to be there")
        self.assertNotEqual(self.a.vsctl("drain", "node-x", "--to", "node-b").returncode, 0)


class Deaths(TwoNodes):
    def frozen(self):
        identifier = self.started(self.a, manual=True)
        self.wait_for(self.a, identifier, waitsFor="freeze")
        self.say(self.a, identifier, "freeze")
        self.wait_for(self.a, identifier, waitsFor="commit")
        return identifier

    def test_of_the_source_while_it_is_frozen_cancel_the_move(self):
        asker = self.asker()
        identifier = self.frozen()
        self.kill(self.a)
        self.a.start_manager()
        self.wait_for(self.a, identifier, outcome="Cancelled")
        wait_until(lambda: self.serves(self.a), "web1 to be served on")
        self.wait_for(self.b, identifier, outcome="Cancelled")
        self.assertAllRight(asker)

    def test_of_the_destination_while_the_source_is_frozen_give_the_domain_back(self):
        asker = self.asker()
        identifier = self.frozen()
        self.kill(self.b)
        self.say(self.a, identifier, "commit")
        self.wait_for(self.a, identifier, phase="commit")
        self.b.start_manager()
        self.wait_for(self.a, identifier, outcome="TakenBack")
        wait_until(lambda: self.serves(self.a), "web1 to be served again")
        self.assertAllRight(asker)

    def test_of_the_source_after_its_commit_change_nothing(self):
        asker = self.asker()
        identifier = self.frozen()
        self.b.manager.send_signal(signal.SIGSTOP)
        self.say(self.a, identifier, "commit")
        self.wait_for(self.a, identifier, phase="commit")
        self.kill(self.a)
        self.a.start_manager()
        self.assertFalse(self.serves(self.a), "it is the other's")
        self.b.manager.send_signal(signal.SIGCONT)
        self.wait_for(self.a, identifier, outcome="Done")
        wait_until(lambda: self.serves(self.b), "web1 to be served there")
        self.assertAllRight(asker)

    def test_of_both_at_the_commit_leave_exactly_one_owner(self):
        asker = self.asker()
        identifier = self.frozen()
        self.b.manager.send_signal(signal.SIGSTOP)  # so that the word to serve is on its way, and no answer to it
        self.say(self.a, identifier, "commit")
        self.wait_for(self.a, identifier, phase="commit")
        self.kill(self.a)
        self.kill(self.b)
        self.a.start_manager()
        self.b.start_manager()

        def one_serves():
            serving = [self.serves(node) for node in (self.a, self.b)]
            self.assertNotEqual(serving, [True, True], "two owners")
            return any(serving)

        wait_until(one_serves, "web1 to be served by one of them")
        for node in (self.a, self.b):
            wait_until(lambda: self.migration(node, identifier).get("outcome") in ("Done", "TakenBack", "Cancelled"), "the end")
        self.assertTrue(one_serves())
        self.assertAllRight(asker)

    def test_of_the_destination_for_good_is_a_doubt_that_an_operator_ends(self):
        identifier = self.frozen()
        self.kill(self.b)
        self.say(self.a, identifier, "commit")
        self.say(self.a, identifier, "cancel", status=409)
        self.wait_for(self.a, identifier, outcome="InDoubt")
        wait_until(lambda: "InDoubt" in self.a.vsctl("get", "binding", "web1-dns", "-o", "json").stdout, "the binding to say so")
        self.assertIn("InDoubt", self.assertRan(self.a.vsctl("get", "warnings")))
        self.assertRan(self.a.vsctl("migrate", "resolve", identifier, "--word", "take-back", "--yes"))
        wait_until(lambda: self.serves(self.a), "web1 to be served again")
        # What was dead comes back, and is told that it was taken back.
        self.b.start_manager()
        self.wait_for(self.b, identifier, outcome="Cancelled")
        self.assertTrue(self.serves(self.a))

    def test_of_backends_on_the_way_cost_no_answer(self):
        asker = self.asker()
        for number in range(4):
            here, there = (self.a, self.b) if number % 2 == 0 else (self.b, self.a)
            identifier = self.started(here)
            for pid in (here if number < 2 else there).backend_pids():
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.migration(here, identifier)["ended"], "its end")
            if self.migration(here, identifier)["outcome"] != "Done":
                wait_until(lambda: self.serves(here), "web1 to be served where it was")
                self.assertRan(here.vsctl("migrate", "start", "web1", "--to", there.name))
            wait_until(lambda: self.serves(there), "web1 to be there")
            wait_until(lambda: here.vsctl("get", "domain", "web1").returncode != 0, "web1 to be there alone")
        self.assertAllRight(asker)


if __name__ == "__main__":
    unittest.main()
