"""Guests that talk to each other through channels, and to nobody else."""

import json
import subprocess
import threading

from node import BIN, NodeTest, wait_until

import unittest

POLICY = """
apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow, effect: allow, message: these may talk, match: {domains: [sensor, screen]}}
"""
for name in ("sensor", "screen", "stranger"):
    POLICY += f"""
---
apiVersion: vservices/v1
kind: Domain
metadata: {{name: {name}}}
spec: {{type: sandbox}}
---
apiVersion: vservices/v1
kind: Binding
metadata: {{name: {name}-bus}}
spec: {{domain: {name}, service: bus, device: pubsub}}
"""

RIGHTS = """
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: rights}
spec:
  rules:
    - {id: allow, effect: allow, message: these may talk, match: {domains: [sensor, screen]}}
  channelRules:
    - {id: sensors-measure, effect: allow, message: sensors measure rooms, match: {domains: [sensor]}, channels: ["room.>"],
       verbs: [create, publish], rate: 1000, burst: 100}
    - {id: screens-show, effect: allow, message: screens show rooms, match: {domains: [screen]}, channels: ["room.>"],
       verbs: [subscribe]}
"""


class Channels(NodeTest):
    def setUp(self):
        super().setUp()
        self.node.apply(POLICY)

    def subscriber(self, domain, *arguments):
        process = self.node.popen("run", domain, "--", str(BIN / "channel"), "sub", *arguments,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline().strip(), "subscribed")
        return process

    def publish(self, channel, *texts, domain="sensor"):
        self.assertRan(self.node.run(domain, str(BIN / "channel"), "pub", channel, *texts))

    def test_an_event_reaches_the_guest_that_subscribed(self):
        screen = self.subscriber("screen", "room.*.temperature", "", "2")
        self.publish("room.north.temperature", "21")
        self.publish("room.north.humidity", "40")
        self.publish("room.south.temperature", "19")
        out, _ = screen.communicate(timeout=120)
        self.assertEqual(out.splitlines(), ["room.north.temperature 1 21", "room.south.temperature 1 19"])
        self.assertEqual(screen.returncode, 0)
        self.assertEqual(self.node.metric_reaches(3, "vservices_pubsub_published_total", service="bus"), 3)
        self.assertEqual(self.node.metric_reaches(2, "vservices_pubsub_delivered_total", service="bus"), 2)

    def test_a_filter_holds_on_the_node(self):
        screen = self.subscriber("screen", ">", "size(payload) > 2 && channel.startsWith('a')", "1")
        self.publish("a.b", "x", "yy")
        self.publish("b.a", "zzz")
        self.publish("a.b", "zzz")
        out, _ = screen.communicate(timeout=120)
        self.assertEqual(out.splitlines(), ["a.b 3 zzz"])
        self.assertEqual(self.node.metric_reaches(1, "vservices_pubsub_delivered_total", service="bus"), 1)

    def test_what_is_wrong_with_a_filter_is_said(self):
        result = self.node.run("screen", str(BIN / "channel"), "sub", ">", "size(payload) >")
        self.assertEqual(result.returncode, 1)
        self.assertIn("filter: column 16: the expression is not complete", result.stderr)

    def test_who_is_not_allowed_has_no_channel(self):
        result = self.node.run("stranger", str(BIN / "channel"), "pub", "a", "x")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Permission denied", result.stderr)

    def test_channel_rights_are_enforced_and_explained(self):
        self.node.apply(RIGHTS)
        screen = self.subscriber("screen", "room.>", "", "1")
        refused = self.node.run("sensor", str(BIN / "channel"), "pub", "hall", "x")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("publish hall: no rule allows it", refused.stderr)
        refused = self.node.run("screen", str(BIN / "channel"), "pub", "room.north", "x")
        self.assertIn("publish room.north: no rule allows it", refused.stderr)
        self.publish("room.north", "21")
        out, _ = screen.communicate(timeout=120)
        self.assertEqual(out.splitlines(), ["room.north 1 21"])
        self.assertEqual(self.node.metric_reaches(2, "vservices_pubsub_denied_total", service="bus"), 2)
        explained = self.node.vsctl("explain", "sensor", "bus", "--channel", "room.north", "--verb", "publish")
        self.assertEqual(explained.returncode, 0, explained.stderr)
        self.assertIn("sensors-measure", explained.stdout)
        self.assertIn("1000 events/s", explained.stdout)
        explained = self.node.vsctl("explain", "sensor", "bus", "--channel", "hall", "--verb", "publish")
        self.assertEqual(explained.returncode, 1)
        self.assertIn("no channel rule allows it", explained.stdout)

    def test_a_guest_killed_while_it_reads_a_large_event_costs_nobody_else_anything(self):
        large = "x" * 100_000
        self.node.apply(POLICY.replace("device: pubsub}", "device: pubsub, buffers: {requestBytes: 1048576}}"))
        reads, lines = self.subscriber("screen", "a", "", "30"), []
        reader = threading.Thread(target=lambda: lines.extend(reads.stdout))
        reader.start()
        self.addCleanup(reader.join)
        self.addCleanup(reads.kill)  # before the thread is joined
        for _ in range(10):
            dies = self.subscriber("screen", "a")
            self.publish("a", large, large, large)
            self.assertIn(large, dies.stdout.readline())
            dies.kill()  # SIGKILL
            dies.wait()
        self.assertEqual(reads.wait(timeout=120), 0)
        reader.join()
        self.assertEqual([line.split()[:2] for line in lines], [["a", str(n)] for n in range(1, 31)])
        self.assertEqual({line.split()[2] for line in lines}, {large})
        self.assertEqual(self.node.metric("vservices_pubsub_lost_total", service="bus"), 0)
        self.node.metric_reaches(30, "vservices_pubsub_framed_total", service="bus")
        wait_until(lambda: self.node.metric("vservices_pool_buffers_free", service="bus") >= 63,
                   "all frames to be free but that of the newest event")

    def test_how_far_memory_is_shared_follows_from_everybodys_rights_and_is_explained(self):
        def sharing():
            explained = self.node.vsctl("explain", "screen", "bus", "--channel", "room.north")
            return [line for line in explained.stdout.splitlines() if line.startswith("memory of its events:")]

        self.assertIn("group", sharing()[0])
        self.node.apply(RIGHTS)
        self.assertIn("private", sharing()[0])
        shared = RIGHTS.replace("verbs: [subscribe]}", "verbs: [subscribe], sharing: group}")
        shared += "---" + POLICY.replace("device: pubsub}", "device: pubsub, buffers: {requestBytes: 1048576, responseBytes: 4194304}}")
        self.node.apply(shared)
        self.assertIn("group (screen: rights/screens-show says so)", sharing()[0])
        screen = self.subscriber("screen", "room.>", "", "1")
        self.publish("room.north", "x" * 100_000)
        screen.communicate(timeout=120)
        self.assertEqual(self.node.metric_reaches(1, "vservices_pubsub_framed_total", service="bus"), 1)

    def test_an_operator_sees_publishes_and_subscribes(self):
        published = self.node.vsctl("channel", "pub", "sensor", "room.north", "21", "22")
        self.assertEqual(published.returncode, 0, published.stderr)
        process = self.node.popen("channel", "sub", "screen", "room.*", "--filter", "size(payload) > 1", "--count", "1",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline().strip(), "subscribed")
        wait_until(lambda: self.node.vsctl("channel", "ls", "screen-bus").returncode == 0, "the backend to tell")  # a busy one may not in time
        listed = self.node.vsctl("channel", "ls", "screen-bus", "-o", "json")
        (told,) = json.loads(listed.stdout)
        expected = {"name": "room.north", "events": 2, "subscribers": 1, "retained": True, "eventBytesMax": 0, "shared": False,
                    "delivery": "at_most_once"}
        self.assertEqual({key: told[key] for key in expected}, expected)
        top = self.node.vsctl("channel", "top", "screen-bus", "--once", "--interval", "10ms")
        self.assertEqual(top.returncode, 0, top.stderr)
        self.assertIn("EVENTS/S", top.stdout)
        self.assertRegex(top.stdout, r"room\.north +0\.0 +2 +1 +yes")
        self.publish("room.north", "x", "23")
        out, _ = process.communicate(timeout=120)
        self.assertEqual(out.splitlines(), ["room.north 4 23"])
        self.assertEqual(self.node.vsctl("channel", "ls", "no-such").returncode, 3)

    def test_a_subscription_survives_the_backend(self):
        screen = self.subscriber("screen", "a", "", "2")
        self.publish("a", "before")
        self.assertEqual(screen.stdout.readline().strip(), "a 1 before")
        self.node.kill_backend()
        wait_until(lambda: self.node.metric("vservices_pubsub_subscriptions", service="bus") == 1, "the subscription")
        self.publish("a", "after")
        out, _ = screen.communicate(timeout=120)
        self.assertEqual(out.splitlines(), ["(1 lost) a 1 after"])


if __name__ == "__main__":
    unittest.main()
