"""What a binding's buffers and sla do in a node, and what the node tells of a binding at work."""

import os
import pathlib
import unittest

import yaml

from node import POLICY, NodeTest, wait_until

OPENAPI = pathlib.Path(os.environ["VS_SOURCE_DIR"]) / "schemas" / "openapi.yaml"
BINDING = "spec: {domain: web1, service: dns, device: dns}"
ASK = 'import socket\nfor _ in range(%d): socket.getaddrinfo("v4.test", 80, socket.AF_INET)'


def with_terms(terms):
    return POLICY.replace(BINDING, BINDING[:-1] + ", " + terms + "}")


class Live(NodeTest):
    def live(self, binding="web1-dns", holds=lambda live: True):
        """What the backend tells of it, once that holds: a busy one may not tell in time, or an earlier state."""
        found = {}

        def told():
            found.update(live=self.node.get("binding", binding)["status"].get("live"))
            return found["live"] is not None and holds(found["live"])

        wait_until(told, f"{binding} to tell what it does")
        return found["live"]


class Bindings(Live):
    def ask(self, count):
        self.assertRan(self.node.run("web1", "python3", "-c", ASK % count))

    def check(self, schema, value, schemas, where):
        """That `value` has what `schema` requires and nothing it does not name."""
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
        if "properties" not in schema:
            return
        self.assertLessEqual(set(schema.get("required", [])), set(value), where)
        self.assertLessEqual(set(value), set(schema["properties"]), where)
        for name, part in value.items():
            self.check(schema["properties"][name], part, schemas, f"{where}/{name}")

    def test_tells_what_it_does(self):
        self.node.apply()
        self.ask(20)
        live = self.live(holds=lambda live: live["requests"] >= 20)
        schemas = yaml.safe_load(OPENAPI.read_text())["components"]["schemas"]
        self.check(schemas["BindingLive"], live, schemas, "live")
        self.assertEqual(live["answers"]["ok"], live["requests"])
        for part in ("queue", "service", "total"):
            self.assertEqual(live["latency"][part]["count"], live["requests"])
        self.assertGreaterEqual(live["latency"]["total"]["maxUs"], live["latency"]["service"]["p50Us"])
        described = self.assertRan(self.node.vsctl("describe", "binding", "web1-dns"))
        self.assertRegex(described, r"(?m)^  total +\d+ +[\d.]+ us")
        self.assertNotIn("live", self.node.get("service", "dns")["status"])
        self.node.metric_reaches(20, "vservices_request_queue_seconds_count", binding="web1-dns")
        self.node.metric_reaches(20, "vservices_request_duration_seconds_count", binding="web1-dns")

    def test_a_refused_one_tells_of_refusals(self):
        self.node.apply()
        self.node.run("web2", "getent", "hosts", "v4.test")
        self.live("web2-dns", holds=lambda live: live["refusals"]["policy"] >= 1)

    def test_serves_in_every_wait_mode(self):
        for mode in ("spin", "block", "timer", "adaptive"):
            self.node.apply(with_terms("buffers: {wait: %s, batchMicroseconds: 200}" % mode))
            self.ask(5)
            self.live(holds=lambda live: live["requests"] >= 5)

    def test_keeps_to_its_rate(self):
        self.node.apply(with_terms("sla: {rate: 20, burst: 2, priority: bulk}"))
        self.ask(12)
        self.live(holds=lambda live: live["requestsThrottled"] >= 5)
        self.node.metric_reaches(5, "vservices_requests_throttled_total", binding="web1-dns")

    def test_keeps_to_its_domains_memory(self):
        self.node.apply(POLICY.replace("metadata: {name: web1}\nspec: {type: sandbox}",
                                       "metadata: {name: web1}\nspec: {type: sandbox, memoryMiB: 1}")
                        .replace(BINDING, BINDING[:-1] + ", buffers: {responseBytes: 524288}}"))
        # There is room for the rings of one process; a second one beside it is refused.
        asks = "import socket, subprocess; socket.gethostbyname('v4.test'); subprocess.run(['getent', 'hosts', 'v4.test'])"
        self.assertRan(self.node.run("web1", "python3", "-c", asks))
        self.live(holds=lambda live: live["refusals"]["memory"] >= 1)

    def test_refuses_rings_that_are_larger_than_its_domains_memory(self):
        text = (POLICY.replace("metadata: {name: web1}\nspec: {type: sandbox}",
                               "metadata: {name: web1}\nspec: {type: sandbox, memoryMiB: 1}")
                .replace(BINDING, BINDING[:-1] + ", buffers: {responseBytes: 1048576}}"))
        result = self.node.vsctl("apply", "-f", "-", text=text % self.node.parameters)
        self.assertEqual(result.returncode, 2)
        self.assertIn("524288 would fit; or give the domain 2 MiB", result.stderr)

    def test_refuses_terms_that_cannot_be(self):
        for terms, said in (("buffers: {requestBytes: 5000}", "the next one is 8192"),
                            ("buffers: {wait: snooze}", "adaptive"),
                            ("buffers: {waits: spin}", 'did you mean \\"wait\\"?'),
                            ("sla: {rate: -1}", "rate"),
                            ("sla: {priority: urgent}", "deadline")):
            result = self.node.vsctl("apply", "-f", "-", text=with_terms(terms) % self.node.parameters)
            self.assertEqual(result.returncode, 2, terms)
            self.assertIn(said.replace('\\"', '"'), result.stderr, terms)


class OneLoop(Live):
    node_options = {"manager_options": ["--backend-loops", "1"]}

    def test_serves_all_domains(self):
        self.node.apply()
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        (pid,) = self.node.backend_pids()
        self.assertEqual(len(os.listdir(f"/proc/{pid}/task")), 2, "one that serves, and one for vsmgrd")
        self.assertEqual(self.live()["loop"], 0)


if __name__ == "__main__":
    unittest.main()
