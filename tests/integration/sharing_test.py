"""Answers that are kept: for one guest, for those that share, and for nobody else; on a real nameserver."""

import json
import tempfile
import unittest

from node import Node, NodeTest, dns_guest

POLICY = """
apiVersion: vservices/v1
kind: Service
metadata: {name: dns}
spec:
  kind: dns
  parameters:
    nameservers: ["127.0.0.1:%(port)d"]
    timeout: "%(timeout)s"
    tries: %(tries)d
    cache: {staleAfter: 100ms}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: test}
spec:
  rules:
    - {id: all, effect: allow, message: All may resolve names., match: {services: [dns]}}
"""

SHARING = """
---
apiVersion: vservices/v1
kind: SharingPolicy
metadata: {name: sharing}
spec: {match: {services: [dns]}, %s}
"""

ASK = """
import json, socket, sys
answers = []
for name in json.load(sys.stdin):
    try:
        answers.append(socket.getaddrinfo(name, 80, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except socket.gaierror as e:
        answers.append(e.errno)
print(json.dumps(answers))
"""


class Sharing(NodeTest):
    def setUp(self):
        self.node = Node(nameserver_options=["--local-ttl=300", "--address=/short.test/192.0.2.77"])
        self.addCleanup(self.node.close)

    def policy(self, sharing="", owners=("a", "a", "a")):
        guests = "---\n" + "".join(dns_guest(f"web{i + 1}", owner=owner) for i, owner in enumerate(owners))
        return POLICY + guests + (SHARING % sharing if sharing else "")

    def ask(self, guest, *names):
        return json.loads(self.assertRan(self.node.run(guest, "python3", "-c", ASK, text=json.dumps(names))))

    def queries(self, least):
        return self.node.metric_reaches(least, "vservices_dns_queries_total", service="dns")

    def hits(self, source, least):
        return self.node.metric_reaches(least, "vservices_dns_cache_hits_total", service="dns", **{"from": source})

    def test_a_guest_is_answered_out_of_what_it_asked(self):
        self.node.apply(self.policy())
        self.assertEqual(self.ask("web1", "web.test", "web.test", "WEB.test", "v4.test"),
                         ["192.0.2.10", "192.0.2.10", "192.0.2.10", "192.0.2.11"])
        self.assertEqual(self.queries(2), 2)
        self.assertEqual(self.hits("table", 2), 2, "found in memory, without asking")
        of_binding = {result: self.node.metric("vservices_dns_cache_binding_queries_total", binding="web1-dns", result=result)
                      for result in ("hit", "miss", "table")}
        self.assertEqual(of_binding, {"hit": 0, "miss": 2, "table": 2}, "what the guest says, beside what the backend saw")
        self.assertEqual(self.ask("web1", "web.test"), ["192.0.2.10"])
        self.assertEqual(self.queries(2), 2, "another process of the guest")
        self.ask("web2", "web.test")
        self.assertEqual(self.queries(3), 3, "another guest")

    def test_a_no_is_kept_too(self):
        self.node.apply(self.policy())
        first = self.ask("web1", "no-such-name.test", "no-such-name.test")
        self.assertEqual(first[0], first[1])

    def test_a_group_shares(self):
        self.node.apply(self.policy("mode: group, group: lab"))
        for guest in ("web1", "web2", "web3"):
            self.assertEqual(self.ask(guest, "web.test"), ["192.0.2.10"])
        self.assertEqual(self.queries(1), 1)
        self.assertEqual(self.hits("shared", 2), 2)

    def test_delayed_asks_once_for_all(self):
        self.node.apply(self.policy("mode: delayed"))
        for guest in ("web1", "web2", "web3"):
            self.assertEqual(self.ask(guest, "web.test", "web.test"), ["192.0.2.10", "192.0.2.10"])
        self.assertEqual(self.queries(1), 1)
        self.assertEqual(self.hits("delayed", 2), 2)

    def test_open_shares_what_is_listed(self):
        self.node.apply(self.policy('mode: open, names: ["web.test"]'))
        for guest in ("web1", "web2"):
            self.ask(guest, "web.test", "v4.test")
        self.assertEqual(self.queries(3), 3, "web.test once, v4.test twice")

    def test_answers_are_forgotten_on_command(self):
        self.node.apply(self.policy())
        self.ask("web1", "web.test", "v4.test")
        self.ask("web2", "web.test")
        self.assertRan(self.node.vsctl("flush", "dns", "--name", "web.test", "--domain", "web1"))
        self.ask("web1", "web.test", "v4.test")
        self.assertEqual(self.queries(4), 4)
        self.assertEqual(self.assertRan(self.node.vsctl("flush", "dns")), "3 entries forgotten\n")
        self.ask("web2", "web.test")
        self.assertEqual(self.queries(5), 5)
        self.assertNotEqual(self.node.vsctl("flush", "no-such-service").returncode, 0)

    def test_what_was_known_outlives_the_nameserver(self):
        text = self.policy().replace("staleAfter: 100ms", "staleAfter: 100ms, ttlMax: 1s")
        self.node.apply(text)
        self.assertEqual(self.ask("web1", "web.test"), ["192.0.2.10"])
        self.node.nameserver.stop()
        # Fresh for a second, stale from then on.
        while self.hits("stale", 0) == 0:
            self.assertEqual(self.ask("web1", "web.test"), ["192.0.2.10"])

    def test_a_change_of_sharing_takes_effect(self):
        self.node.apply(self.policy("mode: open"))
        self.ask("web1", "web.test")
        self.node.apply(self.policy("mode: private"))
        self.ask("web2", "web.test")
        self.assertEqual(self.queries(2), 2)

    def apply_file(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text % self.node.parameters)
            file.flush()
            return file.name, self.node.vsctl("apply", "-f", file.name)

    def test_a_kind_that_cannot_share_is_refused(self):
        text = self.policy("mode: group, group: lab").replace("match: {services: [dns]}, mode: group", "match: {kinds: [pubsub]}, mode: group")
        name, result = self.apply_file(text)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, name + r":\d+")
        self.assertIn("pubsub", result.stderr)
        self.assertEqual(self.node.vsctl("get", "sharing-policies", "-o", "name").stdout, "", "nothing was applied in part")

    def test_a_group_that_mixes_owners_is_refused(self):
        self.node.apply(self.policy("mode: group, group: lab, ownerLabel: owner"))
        name, result = self.apply_file(self.policy("mode: group, group: lab, ownerLabel: owner", ("a", "a", "b")))
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, name + r":\d+")
        self.assertIn("mixes owners", result.stderr)
        self.assertEqual(self.node.get("domain", "web3")["metadata"]["labels"]["owner"], "a", "nothing was applied in part")


if __name__ == "__main__":
    unittest.main()
