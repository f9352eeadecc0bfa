"""More to do than can be done, in a whole node: who gives way, in which order, what guests are told of it, and what they make of it.

One loop serves the channels of all guests. Each event of the flooders goes to many subscriptions of a crowd that does not read, so that
serving is what is short, and not the flooders' own time.
"""

import pathlib
import subprocess
import unittest

from node import NodeTest, wait_until

SERVICE = """
apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub, requestCost: 1us}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow, effect: allow, message: these may talk, match: {services: [bus]}}
"""
GUEST = """
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: %(name)s}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: %(name)s}
spec: {domain: %(name)s, service: bus, device: pubsub, sla: {%(sla)s}, buffers: {requestBytes: 262144, responseBytes: 1048576}}
"""
GOLD = "class: guaranteed, rate: 1000, objectives: {latencyP99: %s, availability: 99.9%%%%}"
CLASSES = {
    "gold": GOLD % "1s",
    "silver": "class: burstable, objectives: {latencyP99: 60s}",
    "greedy": "class: bestEffort",
    "polite": "class: bestEffort",
    "crowd": "class: burstable",
}

PROGRAM = (pathlib.Path(__file__).parent / "channels.py").read_text() + """
import sys, time
device = Device()
def told(*words):
    print(*words, flush=True)
"""
CROWD = PROGRAM + """
for _ in range(30): device.subscribe("load", events=1)
told("ready")
sys.stdin.read()
"""
# Wants its answer to each event before the next.
STEADY = PROGRAM + """
events = device.events("orders", 1, b"x")
while True:
    device.publish(events)
    refused = device.fsync()
    if refused: told("refused", refused)
    time.sleep(0.003)
"""
# As much as goes. One that is polite has a ladder of its own: at level 3 it asks for nothing until all is well again.
FLOOD = PROGRAM + """
events = device.events("load", 256, b"x" * 64)
level = 0
resting = False
while True:
    if not resting:
        device.publish(events)  # what was refused is lost
    if device.poll(LEVEL, 1000 if resting else 0) & LEVEL:
        level = device.level()
        told("level", level)
    resting = %s and (level == 3 or resting and level != 0)
"""


class Overload(NodeTest):
    def apply_classes(self, **others):
        self.node.apply(SERVICE + "".join(GUEST % {"name": name, "sla": sla} for name, sla in {**CLASSES, **others}.items()))

    def guest(self, domain, program):
        process = self.node.popen("run", domain, "--", "python3", "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def described(self, domain, holds=lambda live: True):
        found = {}

        def told():
            found["live"] = self.node.get("binding", domain)["status"].get("live") or {}
            return "classes" in found["live"] and holds(found["live"])

        wait_until(told, f"{domain} to tell what it does; now {found.get('live')}")
        return found["live"]

    def shed(self, domain):
        return self.node.metric("vservices_sla_shed_total", binding=domain)

    def condition(self, domain):
        conditions = self.node.get("binding", domain)["status"].get("conditions", [])
        return next((one for one in conditions if one["type"] == "ObjectivesMet"), {})

    def test_the_lowest_class_gives_way_first_and_is_told_and_what_is_guaranteed_never_does(self):
        self.apply_classes()
        for _ in range(4):
            self.assertEqual(self.guest("crowd", CROWD).stdout.readline(), "ready\n")
        self.guest("gold", STEADY)
        for _ in range(4):
            self.guest("silver", FLOOD % False)
        for _ in range(2):
            self.guest("greedy", FLOOD % False)
        polite = self.guest("polite", FLOOD % True)

        # The program that chooses to do without is at peace after a while, in the middle of all this.
        levels = []
        while levels[-1:] != ["0"]:
            line = polite.stdout.readline()
            self.assertTrue(line.startswith("level "), line)
            levels.append(line.split()[1])
        self.assertIn("3", levels)
        worst = levels.index("3") + 1
        self.assertEqual(levels[:worst], sorted(set(levels[:worst])), "up to the worst")
        self.assertEqual(levels[worst:], sorted(set(levels[worst:]), reverse=True), "and down again")
        greedy = self.described("greedy", lambda live: live["level"] == 3 and live["classes"][0]["shed"] >= 100)
        gold = self.described("gold", lambda live: live["requests"] >= 100)
        silver = self.described("silver")
        self.assertEqual(greedy["classes"][0]["failed"], greedy["classes"][0]["shed"])
        self.assertEqual((silver["classes"][0]["shed"], silver["level"]), (0, 0), "no promise breaks, so burstable only waits")
        self.assertEqual((gold["classes"][0]["shed"], gold["classes"][0]["failed"], gold["level"]), (0, 0, 0))
        self.assertLessEqual(4 * gold["latency"]["total"]["p50Us"], greedy["latency"]["total"]["p50Us"])
        wait_until(lambda: self.condition("gold").get("reason") in ("Kept", "Missed"), "the promise to be judged")
        self.assertEqual(self.condition("gold")["status"], "True", self.condition("gold"))

        self.assertGreaterEqual(self.node.metric_reaches(100, "vservices_sla_shed_total", binding="greedy"), 100)
        self.assertEqual(self.node.metric_reaches(3, "vservices_sla_level", binding="greedy"), 3)
        self.assertEqual((self.shed("silver"), self.shed("gold")), (0, 0))
        self.assertRegex(self.assertRan(self.node.vsctl("describe", "binding", "greedy")), r"(?m)^  CLASS  REQUESTS  FAILED  SHED .*\n  \*  +\d+ +\d+ +[1-9]")

        # A promise that breaks: now burstable, too, gives way, and still nothing of what is guaranteed does.
        self.apply_classes(gold=GOLD % "1us")
        self.described("silver", lambda live: live["classes"][0]["shed"] > 0)
        self.node.metric_reaches(1, "vservices_sla_shed_total", binding="silver")
        self.described("gold", lambda live: live["level"] > 0)
        self.assertEqual(self.shed("gold"), 0)
        wait_until(lambda: self.condition("gold").get("reason") == "Missed", "the promise to be missed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
