"""Where bindings are served: by the kernel's word for the threads of a real vsbackend, and by vsctl's."""

import json
import os
import pathlib
import signal
import unittest

from node import PATIENCE_S, NodeTest, wait_until

CPUS = sorted(os.sched_getaffinity(0))

PLACED = """
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-dns}
spec:
  domain: web1
  service: dns
  device: dns
  placement: {cpus: "%s"%s}
"""


class Placement(NodeTest):
    def setUp(self):
        if len(CPUS) < 2:
            self.fail("needs two CPUs: one to place on, one that is shared; nothing was tested")
        super().setUp()
        self.node.apply()

    def place(self, cpus, more="", status=0):
        result = self.node.vsctl("apply", "-f", "-", text=PLACED % (cpus, more))
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result.stderr

    def placed(self):
        return self.node.get("binding", "web1-dns")["status"].get("placement", {})

    def threads_on(self, cpu):
        """The backend's threads that may run on this CPU alone."""
        (pid,) = self.node.backend_pids()
        found = []
        for task in (pathlib.Path("/proc") / str(pid) / "task").iterdir():
            if os.sched_getaffinity(int(task.name)) == {cpu}:
                found.append(int(task.name))
        return found

    def wait_placed(self, cpu):
        wait_until(lambda: self.placed().get("actualCpus") == str(cpu), f"web1-dns on CPU {cpu}")

    def resolves(self):
        return "192.0.2.11" in self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))

    def warnings(self, kind):
        listed = json.loads(self.assertRan(self.node.vsctl("get", "warnings", "-o", "json")))["items"]
        return [one["message"] for one in listed if one["type"] == kind and one["status"] != "resolved"]

    def test_a_binding_is_served_where_it_wishes_and_goes_elsewhere_when_told(self):
        for cpu in (CPUS[-1], CPUS[0], CPUS[-1]):
            self.place(cpu)
            self.wait_placed(cpu)
            self.assertTrue(self.threads_on(cpu))
            self.assertTrue(self.resolves())
        shown = json.loads(self.assertRan(self.node.vsctl("placement", "show", "-o", "json")))
        self.assertEqual([one["planned"] for one in shown["bindings"]], [str(CPUS[-1])])
        self.assertIn(f"served on {CPUS[-1]}", self.assertRan(self.node.vsctl("placement", "explain", "web1-dns")))
        self.assertRan(self.node.vsctl("placement", "plan"))
        self.assertEqual(self.node.metric("vservices_pinned_cpus", **{"class": "shared"}), len(CPUS))
        self.assertEqual(self.node.metric("vservices_pinned_cpus", **{"class": "exclusive"}), 0)

    def test_what_does_not_fit_is_refused_with_its_line_and_what_would(self):
        refused = self.place(4000, status=2)
        self.assertIn("Absent", refused)
        self.assertRegex(refused, r":9:")
        self.assertIn("fits", refused)
        self.assertNotIn("placement", self.node.get("binding", "web1-dns")["spec"])

    def test_a_loop_that_somebody_moved_is_put_back_and_told_of(self):
        self.place(CPUS[-1], ', mode: exclusive')
        self.wait_placed(CPUS[-1])
        (loop,) = self.threads_on(CPUS[-1])
        os.sched_setaffinity(loop, CPUS)
        wait_until(lambda: os.sched_getaffinity(loop) == {CPUS[-1]}, "the loop to be put back")
        wait_until(lambda: self.warnings("PlacementDrift"), "a Warning")
        self.node.metric_reaches(1, "vservices_placement_drifts_total")
        wait_until(lambda: not self.warnings("PlacementDrift"), "the Warning to be resolved")

    def test_a_manager_that_is_killed_while_it_places_starts_and_leaks_nothing(self):
        for cpu in (CPUS[-1], CPUS[0]):
            self.node.vsctl("apply", "--no-wait", "-f", "-", text=PLACED % (cpu, ", mode: exclusive"))
            self.node.manager.send_signal(signal.SIGKILL)
            self.node.manager.wait(PATIENCE_S)
            self.node.start_manager()
        self.wait_placed(CPUS[0])
        self.assertTrue(self.resolves())
        self.assertRan(self.node.vsctl("delete", "binding", "web1-dns"))
        shown = json.loads(self.assertRan(self.node.vsctl("placement", "show", "-o", "json")))
        self.assertEqual(shown["exclusive"], "")
        wait_until(lambda: not any(self.threads_on(cpu) for cpu in CPUS), "loops that are free again")


if __name__ == "__main__":
    unittest.main()
