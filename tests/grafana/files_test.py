"""Dashboards are what Grafana takes and people can read; rules fire when they should; provisioning fits both."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(os.environ["VS_SOURCE_DIR"])
GRAFANA = SOURCE / "grafana"
sys.path.insert(0, str(GRAFANA))

import dashboards  # noqa: E402
from grafana import text_of  # noqa: E402

# Of Grafana's units (packages/grafana-data/src/valueFormats/categories.ts), those that we use.
UNITS = {"none", "short", "percentunit", "s", "bytes", "Bps", "ops", "reqps"}
KINDS = {"row", "stat", "timeseries", "heatmap", "table"}
BUILT_IN = {"__rate_interval", "__range"}  # variables of Grafana itself


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=GRAFANA)


class Dashboards(unittest.TestCase):
    def setUp(self):
        self.dashboards = {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}

    def panels(self):
        """Each panel that shows something, with the name of its dashboard."""
        return [(name, panel) for name, board in self.dashboards.items() for panel in board["panels"] if panel["type"] != "row"]

    def test_files_are_what_dashboards_py_describes(self):
        made = {board["uid"].removeprefix("vservices-"): text_of(board) for board in (make() for make in dashboards.ALL)}
        self.assertEqual(made.keys(), self.dashboards.keys())
        for name, text in made.items():
            self.assertEqual(text, (GRAFANA / "dashboards" / (name + ".json")).read_text(), "run grafana/dashboards.py")

    def test_each_has_a_name_and_an_address_of_its_own(self):
        boards = self.dashboards.values()
        for key in ("uid", "title"):
            self.assertEqual(len({board[key] for board in boards}), len(self.dashboards))
        for board in boards:
            self.assertRegex(board["uid"], r"^[a-z0-9-]{1,40}$")
            self.assertEqual(board["schemaVersion"], 39)
            self.assertNotIn("id", board)  # Grafana gives it
            self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
            titles = [panel["title"] + panel["type"] for panel in board["panels"]]
            self.assertEqual(len(set(titles)), len(titles), "two panels with one title")
            self.assertTrue(all(panel["type"] in KINDS for panel in board["panels"]))

    def test_no_panel_lies_on_another(self):
        for name, board in self.dashboards.items():
            taken = set()
            for panel in board["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24)
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(taken & cells, f"{name}: {panel['title']}")
                taken |= cells

    def test_each_panel_says_what_it_shows_in_which_unit(self):
        for name, panel in self.panels():
            with self.subTest(dashboard=name, panel=panel["title"]):
                self.assertRegex(panel["description"], r"^[A-Z0-9`].*[.]$")
                defaults = panel["fieldConfig"]["defaults"]
                self.assertIn(defaults["unit"], UNITS)
                bounds = [step["value"] for step in defaults["thresholds"]["steps"]]
                self.assertIsNone(bounds[0])
                self.assertEqual(bounds[1:], sorted(bounds[1:]))

    def test_each_panel_asks_the_chosen_source_and_names_each_line(self):
        for name, panel in self.panels():
            with self.subTest(dashboard=name, panel=panel["title"]):
                self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertTrue(panel["targets"])
                self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"], panel["datasource"])
                    self.assertTrue(target["expr"].strip())
                    self.assertTrue(target["legendFormat"])
                    if panel["type"] == "timeseries":  # a name that holds for one line only, or labels that the query keeps
                        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                            self.assertRegex(target["expr"], rf"\b{label}\b")

    def test_variables_are_those_that_the_panels_use(self):
        for name, board in self.dashboards.items():
            variables = board["templating"]["list"]
            self.assertEqual([variables[0]["type"], variables[0]["query"]], ["datasource", "prometheus"])
            defined = {variable["name"] for variable in variables}
            used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) - BUILT_IN
            self.assertEqual(used, defined, name)

    def test_every_query_keeps_to_the_chosen_nodes(self):
        for name, panel in self.panels():
            with self.subTest(dashboard=name, panel=panel["title"]):
                for target in panel["targets"]:
                    for selector in re.findall(r"\b(?:vservices_\w+|vservices:[\w:]+|process_\w+)(\{[^}]*\})?", target["expr"]):
                        self.assertIn('instance=~"$node"', selector, target["expr"])


class Rules(unittest.TestCase):
    files = sorted((GRAFANA / "alerts").glob("*.yaml"))

    def alerts(self):
        for file in self.files:
            for group in yaml.safe_load(file.read_text())["groups"]:
                yield from (rule for rule in group["rules"] if "alert" in rule)

    def test_promtool_takes_them(self):
        checked = promtool("check", "rules", *self.files)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_they_fire_when_they_should_and_only_then(self):
        tested = promtool("test", "rules", SOURCE / "tests/grafana/rules_test.yaml")
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)

    def test_each_alert_has_a_test(self):
        tests = (SOURCE / "tests/grafana/rules_test.yaml").read_text()
        for rule in self.alerts():
            self.assertIn(rule["alert"], tests)

    def test_each_alert_says_what_is_wrong_and_what_to_do(self):
        names = [rule["alert"] for rule in self.alerts()]
        self.assertEqual(len(set(names)), len(names))
        for rule in self.alerts():
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], {"page", "ticket"})
                self.assertIn("$labels.instance", rule["annotations"]["summary"])
                self.assertTrue(rule["annotations"]["description"].endswith("."))


class Provisioning(unittest.TestCase):
    def test_prometheus_takes_its_configuration(self):
        with tempfile.TemporaryDirectory() as directory:
            token = pathlib.Path(directory) / "token"
            token.write_text("secret")
            text = (GRAFANA / "provisioning/prometheus.yml").read_text()
            text = text.replace("/etc/prometheus/vservices.token", str(token)).replace("/etc/prometheus/vservices", str(GRAFANA / "alerts"))
            config = pathlib.Path(directory) / "prometheus.yml"
            config.write_text(text)
            checked = promtool("check", "config", config)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
            self.assertIn(f"{len(Rules.files)} rule files found", checked.stdout)

    def test_grafana_is_told_of_the_source_and_the_dashboards(self):
        sources = yaml.safe_load((GRAFANA / "provisioning/datasources/vservices.yaml").read_text())
        self.assertEqual([source["type"] for source in sources["datasources"]], ["prometheus"])
        providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/vservices.yaml").read_text())
        self.assertEqual([provider["type"] for provider in providers["providers"]], ["file"])
        self.assertEqual([text["apiVersion"] for text in (sources, providers)], [1, 1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
