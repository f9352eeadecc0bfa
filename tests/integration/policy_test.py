"""Policies as those who write them meet them: test, simulate, lint, history, rollback, cat and explain on a real daemon."""

import json
import unittest

from node import POLICY, SOURCE, NodeTest, SharedNodeTest
from rest import Rest

CASES = """apiVersion: vservices/v1
kind: PolicyTest
metadata: {name: cases}
spec:
  cases:
    - {name: web1 resolves, domain: web1, service: dns, expect: allow, expectRule: access/allow-web1}
    - {name: web2 does not, domain: web2, service: dns, expect: %s}
"""

CANDIDATE = """apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow-all, effect: allow, message: everybody may, match: {services: [dns]}}
    - {id: allow-web1, effect: allow, message: web1 may, match: {domains: [web1], services: [dns]}}
"""


def files(**named):
    return [{"name": name + ".yaml", "text": text} for name, text in named.items()]


class Asked(SharedNodeTest):
    """Questions about policies: they change nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.apply()
        cls.rest = Rest(cls.node.run_directory / "vsmgrd.sock")

    def file(self, name, text):
        path = self.node.directory / name
        path.write_text(text)
        return str(path)

    def test_cases_are_asked_of_the_daemons_policies(self):
        passed = self.assertRan(self.node.vsctl("policy", "test", "-f", self.file("pass.yaml", CASES % "deny"), "--coverage", "100"))
        self.assertEqual(passed, "2 passed, 0 failed; 2 of 2 rules reached (100 %)\n")
        failing = self.file("fail.yaml", CASES % "allow")
        failed = self.assertRan(self.node.vsctl("policy", "test", "-f", failing), 1)
        self.assertRegex(failed, rf"(?m)^{failing}:7:\d+: FAILED web2 does not: .*access/deny-web2")
        self.assertIn("1 passed, 1 failed", failed)

    def test_cases_that_reach_too_few_rules_fail(self):
        one = self.file("one.yaml", "\n".join((CASES % "deny").splitlines()[:-1]) + "\n")
        few = self.node.vsctl("policy", "test", "-f", one, "--coverage", "100")
        self.assertRan(few, 1)
        self.assertIn("no case reaches rule access/deny-web2", few.stdout)
        self.assertIn("50 %", few.stderr)
        self.assertRan(self.node.vsctl("policy", "test", "-f", one, "--coverage", "50"))

    def test_cases_are_asked_of_files_alone(self):
        for name in ("demo", "roles", "terms", "channels"):
            self.assertRan(self.node.vsctl("policy", "test", "-f", str(SOURCE / f"policies/tests/{name}.yaml"), "--policy",
                                           str(SOURCE / f"policies/{name}.yaml"), "--coverage", "100"))

    def test_simulating_lists_the_recorded_decisions_that_would_turn_over(self):
        candidate = self.file("candidate.yaml", CANDIDATE)
        flips = self.assertRan(self.node.vsctl("policy", "simulate", "-f", candidate), 1)
        self.assertRegex(flips, r"(?m)^domain web2 and service dns \(decision \d+\): denied by access/deny-web2 would be "
                                rf"allowed by access/allow-all \({candidate}:6:\d+\): everybody may$")
        self.assertRegex(flips, r"\d+ recorded decisions, 2 replayed, 1 would turn over\n$")
        same = self.node.vsctl("policy", "simulate", "-f", "-", text=POLICY % self.node.parameters)
        self.assertIn("0 would turn over", self.assertRan(same))
        self.assertEqual(self.node.get("binding", "web2-dns")["status"]["decision"]["allowed"], False)

    def test_lint_finds_what_a_rule_does_not_do(self):
        self.assertEqual(self.assertRan(self.node.vsctl("policy", "lint")), "nothing found\n")
        found = self.assertRan(self.node.vsctl("policy", "lint", "-f", self.file("lint.yaml", CANDIDATE)), 1)
        self.assertRegex(found, r"(?m)lint.yaml:7:\d+: redundant access/allow-web1: ")
        self.assertRan(self.node.vsctl("policy", "lint", "-f", self.file("bad.yaml", CANDIDATE + "surprise: 1\n")), 2)

    def test_cat_shows_every_rule_and_where_it_was_written(self):
        table = self.assertRan(self.node.vsctl("policy", "cat"))
        self.assertRegex(table, r"(?m)^access/deny-web2 +deny +enforce +\{\"domains\":\[\"web2\"\]\} +stdin:\d+:\d+ +web2 is quarantined$")
        rules = json.loads(self.assertRan(self.node.vsctl("policy", "cat", "-o", "json")))["rules"]
        self.assertEqual([rule["id"] for rule in rules], ["allow-web1", "deny-web2"])

    def test_what_explain_says_of_a_denial_is_what_was_decided(self):
        made = self.node.get("binding", "web2-dns")["status"]["decision"]
        said = json.loads(self.assertRan(self.node.vsctl("explain", "web2", "dns", "-o", "json"), 1))["decision"]
        self.assertEqual(said, {key: value for key, value in made.items() if key != "id"})
        text = self.assertRan(self.node.vsctl("explain", "web2", "dns"), 1)
        source = made["source"]
        self.assertIn(f"at:       {source['file']}:{source['line']}:{source['column']}\n", text)
        self.assertIn("rule:     deny-web2\n", text)
        line = (POLICY % self.node.parameters).splitlines()[source["line"] - 1]
        self.assertIn("id: deny-web2", line[source["column"] - 1:])
        recorded = self.assertRan(self.node.vsctl("explain", "--decision", str(made["id"])), 1)
        self.assertIn("deny-web2", recorded)
        self.assertIn("deny-web2", self.assertRan(self.node.vsctl("explain", "binding", "web2-dns"), 1))

    def test_every_answer_is_as_it_is_described(self):
        """Rest holds each answer against the API's description."""
        for path, body in (("test", {"cases": files(cases=CASES % "allow")}),
                           ("test", {"cases": files(cases=CASES % "allow"), "files": files(p=POLICY % self.node.parameters)}),
                           ("lint", {}), ("lint", {"files": files(p=CANDIDATE)}), ("simulate", {"files": files(p=CANDIDATE)})):
            self.assertEqual(self.rest.ask("POST", "/v1/policies:" + path, body).status, 200, path)
        for path, body in (("test", {}), ("test", {"cases": files(cases="a: [")}), ("simulate", {}), ("lint", {"file": []}),
                           ("rollback", {"generation": "last"})):
            answer = self.rest.ask("POST", "/v1/policies:" + path, body)
            self.assertEqual((answer.status, answer.json["code"]), (400, "invalid"), path)
        self.assertEqual(self.rest.get("/v1/policies:history").status, 200)
        self.assertEqual(self.rest.ask("POST", "/v1/policies:rollback", {"generation": 9999}).status, 404)


class Changed(NodeTest):
    def generations(self):
        return [item["generation"] for item in
                json.loads(self.assertRan(self.node.vsctl("policy", "history", "-o", "json")))["items"]]

    def allowed(self):
        return self.node.vsctl("explain", "web2", "dns").returncode == 0

    def test_a_rollback_puts_back_what_was_decided_then_and_can_itself_be_taken_back(self):
        self.node.apply()
        first = self.generations()[0]
        self.node.apply(CANDIDATE)
        self.assertTrue(self.allowed())
        said = self.assertRan(self.node.vsctl("policy", "rollback", "--dry-run"))
        self.assertIn("policy/access updated (dry run)\n", said)
        self.assertIn(f"policies are those of generation {first} (dry run)\n", said)
        self.assertTrue(self.allowed())
        said = self.assertRan(self.node.vsctl("policy", "rollback"))
        self.assertIn("policy/access updated\n", said)
        self.assertIn("binding/web2-dns denied by access/deny-web2", said)
        self.assertFalse(self.allowed())
        history = self.generations()
        self.assertEqual(len(history), 3)
        self.assertEqual(sorted(history, reverse=True), history)
        self.assertRan(self.node.vsctl("wait", "binding", "web2-dns", "--for", "state=Denied", "--timeout", "60s"))
        self.assertRan(self.node.run("web2", "getent", "hosts", "v4.test"), 2)
        self.assertRan(self.node.vsctl("policy", "rollback", str(history[1])))
        self.assertTrue(self.allowed())
        self.assertRan(self.node.vsctl("policy", "rollback", "9999"), 3)
        table = self.assertRan(self.node.vsctl("policy", "history"))
        self.assertIn("policy/access updated", table)

    def test_a_first_generation_has_nothing_before_it(self):
        nothing = self.node.vsctl("policy", "rollback")
        self.assertRan(nothing, 3)
        self.assertIn("no earlier generation", nothing.stderr)


if __name__ == "__main__":
    unittest.main()
