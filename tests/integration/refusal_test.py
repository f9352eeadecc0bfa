"""Promises, places, rings and sharing that cannot be: refused when they are applied, with file, line, reason and what would fit; nothing in part."""

import pathlib
import tempfile
import unittest

from node import DNS_SERVICE, Node, NodeTest, dns_guest, domain

# As many CPUs as there must be, one of them offline and one kept for others.
TOPOLOGY = {"system/cpu/online": "0-1", "system/cpu/offline": "2"}

GIVEN = DNS_SERVICE + """\
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: all}
spec: {rules: [{id: all, effect: allow, message: All may., match: {services: [dns]}}]}
---
""" + domain("web1", owner="a") + domain("web2", owner="b")

BINDING = """
apiVersion: vservices/v1
kind: Binding
metadata: {name: b}
spec:
  domain: web1
  service: dns
  %s
"""
SHARING = """
apiVersion: vservices/v1
kind: SharingPolicy
metadata: {name: s}
spec:
  %s
"""
CASES = {  # what is wrong: (document, reason, what would fit)
    "an SLA whose 99th percentile is below its median":
        (BINDING % "sla: {objectives: {latencyP50: 10ms, latencyP99: 5ms}}", "latencyP99", "10ms"),
    "best effort before all others":
        (BINDING % "sla: {class: bestEffort, priority: control}", "served after all others", "class burstable"),
    "a guarantee of nothing":
        (BINDING % "sla: {class: guaranteed, rate: 10}", "objectives", "burstable"),
    "a guarantee without a rate":
        (BINDING % "sla: {class: guaranteed, objectives: {latencyP99: 10ms}}", 'needs a "rate"', "burstable fits"),
    "a burst that outlasts its latency":
        (BINDING % "sla: {class: guaranteed, rate: 100, burst: 51, objectives: {latencyP99: 5ms}}", "a burst of 51 requests", "at most 50"),
    "a guarantee that does not fit":
        (BINDING % "sla: {class: guaranteed, rate: 7001, objectives: {latencyP99: 10ms}}", "at most 0.7 is given", "at most 7000"),
    "no CPUs": (BINDING % 'placement: {cpus: ""}', "cpus", "2-3,6"),
    "CPUs that are no list": (BINDING % 'placement: {cpus: "1-x"}', "cpus", "2-3,6"),
    "CPUs that are counted down": (BINDING % 'placement: {cpus: "3-1"}', "cpus", "2-3,6"),
    "a CPU that is not there": (BINDING % 'placement: {cpus: "77"}', "Absent", "1"),
    "a CPU that is offline": (BINDING % 'placement: {cpus: "2"}', "Offline", "1"),
    "a CPU that is reserved": (BINDING % 'placement: {cpus: "0"}', "ReservedOverlap", "1"),
    "more CPUs than there are": (BINDING % "placement: {count: 5}", "Exhausted", "1"),
    "a ring that is no power of two": (BINDING % "buffers: {requestBytes: 5000}", "must be a power of two", "8192"),
    "rings that exceed what the domain may have": (BINDING % "buffers: {requestBytes: 67108864, responseBytes: 67108864}", "memoryMiB", "would fit"),
    "a mode of sharing for what cannot share":
        (SHARING % "match: {kinds: [pubsub]}\n  mode: group\n  group: lab", "pubsub", "they can in private"),
    "a mode that is none": (SHARING % "match: {kinds: [dns]}\n  mode: public", "public", "delayed"),
    "a group that mixes owners":
        (dns_guest("web1", owner="a") + dns_guest("web2", owner="b") +
         SHARING % "match: {services: [dns]}\n  mode: group\n  group: lab\n  ownerLabel: owner", "mixes owners", "give each owner a group"),
}


class Refusals(NodeTest):
    def setUp(self):
        machine = tempfile.TemporaryDirectory(prefix="vsm-")
        self.addCleanup(machine.cleanup)
        for name, text in TOPOLOGY.items():
            path = pathlib.Path(machine.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        self.node = Node(manager_options=["--topology", machine.name, "--reserved-cpus", "0", "--backend-loops", "1"])
        self.addCleanup(self.node.close)
        self.node.apply(GIVEN)

    def names(self):
        return [self.assertRan(self.node.vsctl("get", kind, "-o", "name")) for kind in ("domains", "bindings", "sharing-policies")]

    def test_each_is_refused_with_its_place_and_what_would_fit_and_nothing_is_applied(self):
        before = self.names()
        for number, (what, (document, reason, fits)) in enumerate(CASES.items()):
            with self.subTest(what), tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix=f"case{number}-") as file:
                file.write(domain("beside") + document)
                file.flush()
                for arguments in (("--dry-run",), ()):
                    result = self.node.vsctl("apply", *arguments, "-f", file.name)
                    said = result.stderr + result.stdout
                    self.assertEqual(result.returncode, 2, said)
                    self.assertRegex(said, file.name + r":\d+:\d+: ")
                    self.assertIn(reason, said)
                    self.assertIn(fits, said)
                self.assertEqual(self.names(), before, "nothing in part")


if __name__ == "__main__":
    unittest.main()
