"""Channels that reach other nodes: two nodes, guests on each, and a real server between them."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from certificates import Authority
from node import BIN, PATIENCE_S, Assertions, Node, wait_until
from servers import Mosquitto, NatsServer

POLICY = """
apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub, parameters: {engine: hub, prefix: site, shared: ["room.>", "order.>"], atLeastOnce: ["order.>"]}}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow, effect: allow, message: guests talk, match: {services: [bus]}}
"""
GUESTS = 8
LONG = 2000  # bytes of an event that is told from a ping by its length
for name in ["speaker"] + [f"guest{number}" for number in range(GUESTS)]:
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


class Nodes(Assertions):
    """Two nodes, `alpha` and `beta`, and a server between them."""

    def setUp(self):
        self.server = self.make_server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.alpha, self.beta = (self.node(name) for name in ("alpha", "beta"))

    def make_server(self):
        return NatsServer()

    def node(self, name, engine=None):
        node = Node(manager_options=["--node-name", name, "--engine", engine or f"hub={self.kind()},server={self.server.url()}"])
        self.addCleanup(node.close)
        node.apply(POLICY)
        return node

    def kind(self):
        return "nats"

    def engine(self, node):
        """What the node tells of its engine."""
        live = json.loads(node.vsctl("get", "binding", "speaker-bus", "-o", "json").stdout)["status"].get("live") or {}
        return live.get("engine", {})

    def connected(self, *nodes):
        for node in nodes or (self.alpha, self.beta):
            wait_until(lambda node=node: self.engine(node).get("state") == "connected", "the engine to be connected")

    def subscriber(self, node, domain, *arguments):
        process = node.popen("run", domain, "--", str(BIN / "channel"), "sub", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline().strip(), "subscribed")
        return process

    def publish(self, node, channel, *texts, domain="speaker"):
        self.assertRan(node.run(domain, str(BIN / "channel"), "pub", channel, *texts))

    def lines(self, process):
        out, err = process.communicate(timeout=2 * PATIENCE_S)
        self.assertEqual(process.returncode, 0, err)
        return out.splitlines()


class Nats(Nodes):
    def subscribed(self, *subjects):
        wait_until(lambda: self.server.subscriptions("site.") == sorted(subjects), f"{subjects} at the server")

    def test_an_event_crosses_to_the_guests_of_the_other_node(self):
        self.connected()
        guests = [self.subscriber(self.beta, f"guest{number}", "room.*", "", "2") for number in range(GUESTS)]
        self.subscribed("site.room.*")  # one for all of them
        near = self.subscriber(self.alpha, "guest0", "room.>", "", "3")
        self.subscribed("site.room.*", "site.room.>")
        self.publish(self.alpha, "room.north", "21")
        self.publish(self.alpha, "hall", "of this node alone")
        self.server.publish("site.room.south", b"from a stranger")
        for guest in guests:
            self.assertEqual(sorted(self.lines(guest)), ["room.north 1 21", "room.south 1 from a stranger"])
        self.publish(self.beta, "room.east", "19")
        self.assertEqual(sorted(self.lines(near)), ["room.east 1 19", "room.north 1 21", "room.south 1 from a stranger"])
        self.subscribed()
        self.assertEqual(self.engine(self.beta)["subscribed"], 0)

    def test_overlapping_patterns_bring_an_event_once(self):
        self.connected()
        wanted = ["room.*.heat", "room.north.*", "room.north.heat", "room.>"]
        guests = [self.subscriber(self.beta, f"guest{number}", pattern, "", "2") for number, pattern in enumerate(wanted)]
        self.subscribed("site.room.>")
        self.publish(self.alpha, "room.north.heat", "1", "2")
        for guest in guests:
            self.assertEqual(self.lines(guest), ["room.north.heat 1 1", "room.north.heat 2 2"])

    def test_a_server_that_is_killed_is_told_and_found_again(self):
        self.connected()
        guest = self.subscriber(self.beta, "guest0", "room.*", "", "2")
        local = self.subscriber(self.alpha, "guest0", "room.*", "", "3")
        self.publish(self.alpha, "room.a", "before")
        self.assertEqual(guest.stdout.readline().strip(), "room.a 1 before")
        self.server.kill()
        for node in (self.alpha, self.beta):
            wait_until(lambda node=node: self.engine(node).get("state") == "gone", "the node to notice")
        self.publish(self.alpha, "room.a", "meanwhile")  # goes on on the node
        self.assertGreaterEqual(self.alpha.metric_reaches(1, "vservices_pubsub_engine_lost_outward_total", service="bus"), 1)
        self.server.start()
        self.connected()
        self.subscribed("site.room.*", "site.room.*")
        self.publish(self.alpha, "room.a", "after")
        self.assertEqual(self.lines(guest), ["(1 lost) room.a 2 after"])
        self.assertEqual(self.lines(local), ["room.a 1 before", "room.a 2 meanwhile", "(1 lost) room.a 3 after"])

    def test_an_engine_that_is_not_there_is_a_clear_condition(self):
        self.alpha.apply(POLICY.replace("engine: hub", "engine: elsewhere"))
        wait_until(lambda: self.alpha.get("service", "bus")["status"]["state"] == "Failed", "the service to fail")
        status = self.alpha.get("service", "bus")["status"]
        self.assertEqual(status["reason"], "UnknownEngine")
        self.assertIn("engine elsewhere: this node has none of that name", status["message"])

    def test_the_operator_sees_the_engine(self):
        self.connected()
        guest = self.subscriber(self.beta, "guest0", "room.*", "", "1")
        self.publish(self.alpha, "room.a", "x")
        self.lines(guest)
        listed = self.alpha.vsctl("channel", "ls", "speaker-bus").stdout
        self.assertIn("engine hub (nats) connected, server " + self.server.url(), listed)
        self.assertRegex(listed, r"room\.a .* yes ")
        self.assertIn("hub (nats) connected", self.alpha.vsctl("describe", "binding", "speaker-bus").stdout)
        self.assertEqual(self.alpha.metric_reaches(1, "vservices_pubsub_engine_sent_total", service="bus", engine="hub"), 1)
        self.assertEqual(self.beta.metric_reaches(1, "vservices_pubsub_engine_delivered_total", service="bus"), 1)


class Permitted(Nodes):
    """A server that knows its clients, by certificate and password, and what each may do."""

    def make_server(self):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="vse-files-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.files, True)
        self.ca = Authority(self.files)
        served_key, served = self.ca.issue("server", alternative="IP:127.0.0.1")
        self.key, self.certificate = self.ca.issue("node")
        (self.files / "password").write_text("secret\n")
        return NatsServer(f"""
tls {{ cert_file: "{served}", key_file: "{served_key}", ca_file: "{self.ca.certificate}", verify: true }}
authorization {{ users: [ {{ user: node, password: secret, permissions: {{
  publish: {{ allow: ["site.room.a", "$JS.API.>"] }}, subscribe: {{ allow: ["site.room.a", "_INBOX.>"] }} }} }} ] }}
""")

    def node(self, name, engine=None):
        return super().node(name, engine or f"hub=nats,server=tls://127.0.0.1:{self.server.port},ca={self.ca.certificate},"
                            f"certificate={self.certificate},key={self.key},user=node,password-file={self.files}/password")

    def test_what_the_server_permits_crosses_and_the_rest_is_told(self):
        self.connected()
        guest = self.subscriber(self.beta, "guest0", "room.a", "", "1")
        wait_until(lambda: self.server.subscriptions("site.") == ["site.room.a"], "the subscription")
        self.publish(self.alpha, "room.b", "not permitted")
        self.publish(self.alpha, "room.a", "permitted")
        self.assertEqual(self.lines(guest), ["room.a 1 permitted"])
        self.assertGreaterEqual(self.alpha.metric_reaches(1, "vservices_pubsub_engine_not_permitted_total", service="bus"), 1)
        self.assertIn('Permissions Violation for Publish to "site.room.b"', self.engine(self.alpha)["error"])
        self.subscriber(self.beta, "guest1", "room.>", "", "1")
        wait_until(lambda: "Permissions Violation for Subscription" in self.engine(self.beta)["error"], "the refusal to be told")

    def test_who_does_not_know_the_password_is_told_and_tries_on(self):
        (self.files / "password").write_text("guessed\n")
        node = self.node("gamma")
        wait_until(lambda: "uthoriz" in self.engine(node).get("error", ""), "the refusal to be told")
        self.assertEqual(self.engine(node)["state"], "gone")
        guest = self.subscriber(node, "guest0", "room.a", "", "1")  # its own channels go on
        self.publish(node, "room.a", "here")
        self.assertEqual([line.replace("(1 lost) ", "") for line in self.lines(guest)], ["room.a 1 here"])


class AtLeastOnce(Nodes):
    """Publishers that are told of each event whether it is stored, and readers that miss none, whatever happens to the nodes' backends
    and the server."""

    def setUp(self):
        super().setUp()
        self.connected()
        self.published = self.readers = 0

    def subscriber(self, node, domain, *arguments):
        """One on a node that has none yet. A reader's first event is the first stored after the server was asked where the stream ends."""
        process = super().subscriber(node, domain, *arguments)
        self.readers += 1
        wait_until(lambda: self.server.consumers() == self.readers, "the reader's place in the stream")
        return process

    def numbers(self, count):
        """Publishes the next numbers as events; each call returns when they are stored, so what is lost afterwards is lost for good."""
        texts = [str(number) for number in range(self.published, self.published + count)]
        self.publish(self.alpha, "order.a", *texts)
        self.published += count

    def read(self, process):
        """The numbers as the reader saw them."""
        lines = self.lines(process)
        self.assertEqual([line for line in lines if "lost" in line], [])
        return [int(line.split()[-1]) for line in lines]

    def test_order_is_one_for_all_nodes(self):
        readers = [self.subscriber(node, "guest0", "order.*", "", "20") for node in (self.alpha, self.beta)]
        self.numbers(10)
        self.publish(self.beta, "order.b", *[str(number) for number in range(10, 20)])
        seen = [self.lines(reader) for reader in readers]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(self.alpha.metric_reaches(10, "vservices_pubsub_engine_stored_total", service="bus"), 10)

    def test_nothing_is_lost_when_a_backend_dies(self):
        reader = self.subscriber(self.beta, "guest0", "order.*", "", "60")
        self.numbers(20)
        self.beta.kill_backend()
        self.numbers(20)
        self.alpha.kill_backend()
        self.numbers(20)
        self.assertEqual(self.read(reader), list(range(60)))

    def publish_meanwhile(self, count):
        """Begins to publish the next numbers; to be waited for when there is a server again."""
        texts = [str(number) for number in range(self.published, self.published + count)]
        self.published += count
        late = self.alpha.popen("run", "speaker", "--", str(BIN / "channel"), "pub", "order.a", *texts,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(late.communicate)
        wait_until(lambda: self.engine(self.alpha).get("storing") == count, "the events to wait for a server")
        return late

    def test_nothing_is_lost_when_the_server_dies(self):
        reader = self.subscriber(self.beta, "guest0", "order.*", "", "55")
        self.numbers(20)
        self.server.kill()
        late = self.publish_meanwhile(15)  # as many as a device has on their way at once, and not more
        self.server.start()
        _, err = late.communicate(timeout=PATIENCE_S)
        self.assertEqual(late.returncode, 0, err)
        self.numbers(20)
        self.assertEqual(self.read(reader), list(range(55)))

    def test_nothing_is_lost_when_the_server_is_out_of_reach_for_a_while(self):
        reader = self.subscriber(self.beta, "guest0", "order.*", "", "55")
        self.numbers(20)
        self.server.process.send_signal(signal.SIGSTOP)
        late = self.publish_meanwhile(15)  # as many as a device has on their way at once, and not more
        for node in (self.alpha, self.beta):  # long enough to be noticed, some five seconds
            wait_until(lambda node=node: self.engine(node).get("state") == "gone", "the node to notice")
        self.server.process.send_signal(signal.SIGCONT)
        _, err = late.communicate(timeout=PATIENCE_S)
        self.assertEqual(late.returncode, 0, err)
        self.numbers(20)
        self.assertEqual(sorted(self.read(reader)), list(range(55)))

    def test_what_is_published_again_is_marked(self):
        reader = self.subscriber(self.beta, "guest0", "order.*", "", "2")
        self.server.process.send_signal(signal.SIGSTOP)
        long = "0" * LONG
        late = self.alpha.popen("run", "speaker", "--", str(BIN / "channel"), "pub", "order.a", long,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(late.communicate)
        wait_until(lambda: self.server.unread_bytes() > LONG, "the event to be in the server's connection")
        self.alpha.kill_backend()  # the next one is asked again: nobody knows what became of it
        wait_until(lambda: self.engine(self.alpha).get("storing") == 1, "the event to wait again")
        self.server.process.send_signal(signal.SIGCONT)
        # The first backend had sent it, and was not told; the second one sent it again.
        self.assertEqual(self.lines(reader), [f"order.a 1 {long}", f"(again) order.a 2 {long}"])


class Mqtt(Nodes):
    """The same by mosquitto."""

    def make_server(self):
        return Mosquitto()

    def kind(self):
        return "mqtt"

    def subscriber_of_topic(self, topic, *more):
        process = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.port), "-t", topic, "-d", *more],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        while "SUBACK" not in process.stdout.readline():
            self.assertIsNone(process.poll())
        return process

    def patterns(self, node, count):
        wait_until(lambda: self.engine(node).get("subscribed") == count, f"{count} patterns at the server")

    def test_an_event_crosses_to_the_guests_of_the_other_node(self):
        self.connected()
        guests = [self.subscriber(self.beta, f"guest{number}", "room.*", "", "2") for number in range(GUESTS)]
        self.patterns(self.beta, 1)
        outside = self.subscriber_of_topic("site/room/#", "-C", "2", "-F", "%t %p")
        near = self.subscriber(self.alpha, "guest0", "room.>", "", "2")
        self.publish(self.alpha, "room.north", "21")
        self.assertRan(subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.server.port), "-t", "site/room/south",
                                       "-m", "from a stranger"], capture_output=True, text=True, timeout=PATIENCE_S))
        for process in [*guests, near]:
            self.assertEqual(sorted(self.lines(process)), ["room.north 1 21", "room.south 1 from a stranger"])
        told = [line for line in self.lines(outside) if line.startswith("site/")]
        self.assertEqual(sorted(told), ["site/room/north 21", "site/room/south from a stranger"])

    def test_at_least_once_waits_for_the_server(self):
        self.connected()
        readers = [self.subscriber(node, "guest0", "order.*", "", "2") for node in (self.alpha, self.beta)]
        for node in (self.alpha, self.beta):
            self.patterns(node, 1)
        self.publish(self.alpha, "order.a", "1")
        for reader in readers:
            self.assertEqual(reader.stdout.readline().strip(), "order.a 1 1")
        self.server.process.terminate()  # it writes down what it keeps when it ends; killed it forgets the last minutes
        self.server.process.wait(PATIENCE_S)
        for node in (self.alpha, self.beta):
            wait_until(lambda node=node: self.engine(node).get("state") == "gone", "the node to notice")
        late = self.alpha.popen("run", "speaker", "--", str(BIN / "channel"), "pub", "order.a", "2",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(late.communicate)
        wait_until(lambda: self.engine(self.alpha).get("storing") == 1, "the event to wait for a server")
        self.server.start()
        _, err = late.communicate(timeout=PATIENCE_S)
        self.assertEqual(late.returncode, 0, err)
        for reader in readers:
            self.assertEqual([line.replace("(1 lost) ", "") for line in self.lines(reader)], ["order.a 2 2"])


if __name__ == "__main__":
    unittest.main()
