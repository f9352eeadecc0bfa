"""Debian's Prometheus watches a live node, and every query of every dashboard and alert has something to show."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

import yaml

from node import BIN, PATIENCE_S, POLICY, SOURCE, NodeTest, free_port, wait_until

sys.path.insert(0, str(SOURCE / "grafana"))

import dashboards  # noqa: E402

TOKEN = "the-secret-of-this-test-and-no-other"
INTERVAL = "250ms"  # between two scrapes
# What stands for Grafana's variables: short, since the node is young.
VARIABLES = {"$__rate_interval": "5s", "$__range": "30s", "$node": ".*", "$service": ".*", "$domain": ".*", "$binding": ".*"}
# There is none where there is no hypervisor.
NOT_HERE = {"vservices_undeclared_guests"}

PROMISED = POLICY.replace("spec: {domain: web1, service: dns, device: dns}", "spec: {domain: web1, service: dns, device: dns, sla: promised}") + """
---
apiVersion: vservices/v1
kind: Sla
metadata: {name: promised}
spec:
  objectives: {latencyP99: 1us, availability: 99.9%%}
---
apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub}
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: sensor}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: sensor-bus}
spec: {domain: sensor, service: bus, device: pubsub}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: bus}
spec:
  rules:
    - {id: allow-bus, effect: allow, message: sensors talk, match: {domains: [sensor], services: [bus]}}
"""

ASK_FOR_EVER = "import socket\nwhile True: socket.gethostbyname('web.test')"


class Prometheus:
    def __init__(self, directory, target):
        self.port = free_port()
        (directory / "token").write_text(TOKEN)
        config = {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
                  "rule_files": [str(SOURCE / "grafana/alerts/*.yaml")],
                  "scrape_configs": [{"job_name": "vservices", "authorization": {"credentials_file": str(directory / "token")},
                                      "static_configs": [{"targets": [target]}]}]}
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = directory / "prometheus.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or self.answers(), "prometheus")
        if self.process.poll() is not None:
            raise AssertionError("prometheus ended: " + self.log.read_text())

    def ask(self, path, **parameters):
        address = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{parameters}: {refused.read().decode()}") from None

    def answers(self):
        """Whether it is ready, and has seen the node."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=PATIENCE_S).close()
        except OSError:
            return False
        return bool(self.query("up == 1"))

    def query(self, expression):
        return self.ask("/api/v1/query", query=expression)["result"]

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


def filled_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def without_zero(expression):
    """The query without what it shows when there is nothing."""
    return re.sub(r" or on\(\) (label_replace\()*vector\(0\).*$", "", expression)


def panel_queries():
    for make in dashboards.ALL:
        board = make()
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{board['title']}: {panel['title']}: {target['legendFormat']}", filled_in(target["expr"])


def alert_queries(file):
    """What each alert looks at: the value that it compares, whatever the comparison says."""
    for group in yaml.safe_load(file.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], re.sub(r"(==|[<>]=?) (?=[\d.])", r"\1 bool ", rule["expr"])


class Looks(NodeTest):
    def setUp(self):
        self.metrics_port = free_port()
        secret = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "metrics.token"
        secret.write_text(TOKEN)
        secret.chmod(0o600)
        self.node_options = {"manager_options": ["--metrics-listen", f"127.0.0.1:{self.metrics_port}", "--metrics-token-file", str(secret)]}
        super().setUp()

    def watch(self):
        self.prometheus = Prometheus(self.node.directory, f"127.0.0.1:{self.metrics_port}")
        self.addCleanup(self.prometheus.close)

    def all_show_something(self, queries, between=lambda: None):
        """Asks until each has had an answer; says which never had one."""
        left = dict(queries)
        self.assertTrue(left)

        def answered():
            between()
            for name in [name for name, expression in left.items() if self.prometheus.query(expression)]:
                del left[name]
            return not left

        try:
            wait_until(answered, "data")
        except AssertionError:
            self.fail("no data: " + json.dumps(left, indent=1))

    def lint(self):
        text = self.node.vsctl("metrics").stdout
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))
        typed = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
        for name in re.findall(r"^(\w+)", re.sub(r"^#.*$", "", text, flags=re.MULTILINE), re.MULTILINE):
            self.assertTrue({name, re.sub(r"_(bucket|sum|count)$", "", name)} & typed, f"{name} has no type")

    def test_a_node_without_domains_shows_zeros(self):
        self.watch()
        self.all_show_something(panel_queries())
        self.all_show_something((name, expression) for name, expression in alert_queries(SOURCE / "grafana/alerts/node.yaml")
                                if "vservices_backend_" not in expression)  # nor are there backends
        for expression in ("vservices_policy_decisions_total", "vservices_warnings", "vservices_store_commits_failed_total",
                           'vservices_bindings{state="Failed"}', "vservices_objects_behind", "vservices_operations_running"):
            self.assertEqual({value for _, value in (one["value"] for one in self.prometheus.query(expression))}, {"0"}, expression)
        self.assertEqual(self.prometheus.query("ALERTS"), [])
        self.lint()

    def test_a_node_under_load_has_data_for_each_query(self):
        self.watch()
        self.node.apply(PROMISED)
        asking = self.node.popen("run", "web1", "--", "python3", "-c", ASK_FOR_EVER)
        self.addCleanup(asking.wait)
        self.addCleanup(asking.kill)
        listening = self.node.popen("run", "sensor", "--", str(BIN / "channel"), "sub", "room.>", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(listening.communicate)
        self.addCleanup(listening.kill)
        self.assertEqual(listening.stderr.readline().strip(), "subscribed")

        def use_it():
            self.assertRan(self.node.run("sensor", str(BIN / "channel"), "pub", "room.north", "21", "22", "23"))
            self.assertRan(self.node.run("web2", "getent", "hosts", "web.test"), 2)

        queries = {name: without_zero(expression) for name, expression in panel_queries()}
        here = {name: expression for name, expression in queries.items() if not any(one in expression for one in NOT_HERE)}
        self.assertLessEqual(len(queries) - len(here), len(NOT_HERE))
        self.all_show_something(here.items(), use_it)
        for file in sorted((SOURCE / "grafana/alerts").glob("*.yaml")):
            self.all_show_something(alert_queries(file), use_it)
        self.lint()
        self.numbers_are_right()

    def numbers_are_right(self):
        """Some of what is shown, against what the node was told."""
        def value(expression):
            return float(self.prometheus.query(expression)[0]["value"][1])

        self.assertEqual(value('vservices_policy_bindings{outcome="allowed"}'), 2)
        self.assertEqual(value('vservices_policy_bindings{outcome="denied"}'), 1)
        self.assertEqual(value('vservices_policy_decisions_total{outcome="denied"}'), 1)
        self.assertEqual(value('vservices_binding_objective_seconds{binding="web1-dns",objective="p99"}'), 1e-6)
        self.assertEqual(value('vservices_binding_objective_availability_ratio{binding="web1-dns"}'), 0.999)
        self.assertGreater(value('sum(vservices_loop_cpu_seconds_total{kind="dns"})'), 0)
        self.assertGreater(value("vservices:binding_latency:p99_5m{binding=\"web1-dns\"}"), 1e-6)
        self.assertEqual(value('vservices:binding_burn:rate5m{binding="web1-dns"}'), 0)

    def test_a_scrape_without_the_token_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=PATIENCE_S)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
