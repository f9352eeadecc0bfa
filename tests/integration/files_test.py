"""Service files over 9P: a guest without any of our code asks its services by reading and writing."""

import errno
import json
import os
import struct
import unittest

from ninep import FLUSH, GETATTR, MKDIR, SETATTR, WRITE, Ninep, errno_of, text
from node import POLICY, NodeTest, wait_until

FILES = POLICY + """
---
apiVersion: vservices/v1
kind: Service
metadata: {name: files}
spec: {kind: files}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-files}
spec: {domain: web1, service: files, device: vservices}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web2-files}
spec: {domain: web2, service: files, device: vservices}
"""


class FilesTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.node.apply(FILES)

    def path(self, domain):
        return self.node.run_directory / "domains" / domain / "vservices"

    def client(self, domain="web1"):
        client = Ninep(self.path(domain))
        self.addCleanup(client.close)
        return client

    def test_show_what_the_domain_was_granted(self):
        client = self.client()
        self.assertEqual(client.names(client.open("", os.O_RDONLY)), [(".", 4), ("..", 4), ("dns", 8), ("stats", 8)])
        self.assertEqual(client.names(client.open("", os.O_RDONLY), count=40)[-1], ("stats", 8))
        self.assertFalse(self.path("web2").exists(), "policy denies web2")
        self.assertEqual(self.node.get("binding", "web2-files")["status"]["state"], "Denied")

    def test_answer_a_name_that_is_written(self):
        client = self.client()
        dns = client.open("dns")
        self.assertEqual(client.write(dns, b"web.test\n"), 9)
        self.assertEqual(set(client.read(dns, 9).decode().splitlines()), {"192.0.2.10", "2001:db8::10"})
        client.write(dns, b"192.0.2.10")
        self.assertEqual(client.read(dns, 200), b"web.test\n")
        self.assertEqual(client.read(dns, 209), b"", "the end of the answer")
        self.assertEqual(client.read(dns, 0, 3), b"web", "from its beginning again")
        self.assertEqual(client.read(dns, 3), b".test\n")
        client.write(dns, b"nobody.test\n")
        self.assertEqual(client.read(dns), b"", "a name that is none has no lines")
        # As a shell does it: one opens, writes and closes; the next opens and reads.
        written = client.open("dns", os.O_WRONLY | os.O_TRUNC)
        client.write(written, b"v4.test\n")
        client.clunk(written)
        self.assertEqual(client.read(client.open("dns", os.O_RDONLY)), b"192.0.2.11\n")

    def test_refuse_what_is_no_question(self):
        client = self.client()
        dns = client.open("dns")
        for question, why in ((b"", "EINVAL"), (b"\n", "EINVAL"), (b"two names\n", "EINVAL"), (b"one\ntwo\n", "EINVAL"),
                              (b"a" * 254, "ENAMETOOLONG"), (b"\xff\x00", "EINVAL")):
            self.assertEqual(errno_of(client.write, dns, question), why, question)
        self.assertEqual(client.read(dns), b"", "nothing was asked")
        self.assertEqual(errno_of(client.open, "stats"), "EACCES")
        self.assertEqual(errno_of(client.open, "nothing"), "ENOENT")
        self.assertEqual(errno_of(client.walk, "dns", "below"), None, "a part of it was walked")
        self.assertEqual(errno_of(client.open, ""), "EISDIR")
        self.assertEqual(errno_of(client.call, MKDIR, struct.pack("<I", client.ROOT) + text("new") + struct.pack("<II", 0o755, 0)), "EPERM")
        self.assertEqual(errno_of(client.call, SETATTR, struct.pack("<IIIIIQQQQQ", dns, 1, 0o600, 0, 0, 0, 0, 0, 0, 0)), "EPERM")
        self.assertEqual(errno_of(client.call, SETATTR, struct.pack("<IIIIIQQQQQ", dns, 8, 0, 0, 0, 0, 0, 0, 0, 0)), None)
        self.assertEqual(errno_of(client.read, 4711), "EBADF")
        self.assertEqual(errno_of(client.call, 200, b""), errno.errorcode[errno.EOPNOTSUPP])
        self.assertEqual(errno_of(client.call, GETATTR, b"\1"), "EPROTO")

    def test_wait_for_one_question_without_holding_up_others(self):
        self.node.nameserver.stop()
        client = self.client()
        slow, stats = client.open("dns"), client.open("stats", os.O_RDONLY)
        client.write(slow, b"slow.test\n")
        waits = client.send_read(slow)
        flushed = client.send_read(slow)
        client.call(FLUSH, struct.pack("<H", flushed))
        self.assertIn(b"clients 1\n", client.read(stats))
        self.node.nameserver.start()
        answer = None
        try:
            answer = client.wait(waits)[4:]
        except OSError as problem:
            self.assertEqual(problem.errno, errno.ETIMEDOUT)
        self.assertIn(answer, (None, b""))
        self.assertNotIn(flushed, client.early)

    def test_live_through_the_end_of_the_service_they_ask(self):
        client = self.client()
        dns = client.open("dns")
        client.write(dns, b"v4.test\n")
        self.assertEqual(client.read(dns), b"192.0.2.11\n")
        before = set(self.node.backend_pids())
        self.assertEqual(len(before), 2)
        for _ in range(3):
            pid = next(pid for pid in self.node.backend_pids() if b"dns" in self.command_of(pid))
            os.kill(pid, 9)
            wait_until(lambda: pid not in self.node.backend_pids(), "its end")
            client.write(dns, b"v4.test\n")
            self.assertEqual(client.read(dns), b"192.0.2.11\n")
        self.assertEqual(len(before & set(self.node.backend_pids())), 1, "that of the files is the same")

    @staticmethod
    def command_of(pid):
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return command.read().split(b"\0")

    def test_follow_the_configuration(self):
        client = self.client()
        self.assertRan(self.node.vsctl("delete", "binding", "web1-dns"))
        wait_until(lambda: ("dns", 8) not in client.names(client.open("", os.O_RDONLY)), "the file to go")
        self.node.apply(FILES)
        wait_until(lambda: ("dns", 8) in client.names(client.open("", os.O_RDONLY)), "the file to come again")
        self.assertRan(self.node.vsctl("delete", "binding", "web1-files"))
        with self.assertRaises((EOFError, ConnectionError)):
            wait_until(lambda: client.names(client.open("", os.O_RDONLY)) is None, "the end")

    def test_are_told_of(self):
        client = self.client()
        client.read(client.open("stats", os.O_RDONLY))
        self.assertEqual(errno_of(client.open, "nothing"), "ENOENT")
        live = json.loads(self.node.vsctl("describe", "binding", "web1-files", "-o", "json").stdout)["status"]["live"]["files"]
        self.assertEqual((live["names"], live["clients"], live["errors"]), (["dns", "stats"], 1, 1))
        self.assertEqual(self.node.metric_reaches(1, "vservices_files_clients", domain="web1"), 1)
        self.assertGreaterEqual(self.node.metric("vservices_files_requests_total", binding="web1-files"), 5)

    def test_end_a_client_that_does_not_speak_the_protocol(self):
        for rubbish in (b"GET / HTTP/1.1\r\n\r\n", struct.pack("<IBH", 3, 100, 0), struct.pack("<IBH", 0xFFFFFFFF, 100, 0)):
            client = Ninep(self.path("web1"), attach=False)
            client.socket.sendall(rubbish)
            with self.assertRaises((EOFError, ConnectionError)):
                client.take()
            client.close()
        client = self.client()
        dns = client.open("dns")
        with self.assertRaises((EOFError, ConnectionError)):  # more than was agreed
            client.send(WRITE, struct.pack("<IQI", dns, 0, 70000) + b"a" * 70000)
            while True:
                client.take()
        self.client()  # others come in

    def test_limit_how_many_clients_there_are(self):
        held = [self.client() for _ in range(16)]
        with self.assertRaises((EOFError, ConnectionError)):
            self.client()
        held.pop().close()
        wait_until(self.another_comes_in, "room for another one")

    def another_comes_in(self):
        try:
            self.client()
        except (EOFError, ConnectionError):
            return False
        return True


if __name__ == "__main__":
    unittest.main()
