"""Unmodified programs in a guest without a network resolve names: every answer a program can get."""

import json
import pathlib
import tempfile
import unittest

from node import NodeTest

ASK = """
import json, socket, sys
answers = []
for name, family in json.load(sys.stdin):
    try:
        found = socket.getaddrinfo(name, 80, getattr(socket, family), socket.SOCK_STREAM)
        answers.append(sorted(a[4][0] for a in found))
    except socket.gaierror as e:
        answers.append({getattr(socket, n): n for n in dir(socket) if n.startswith("EAI_")}[e.errno])
    except UnicodeError:
        answers.append("UnicodeError")
print(json.dumps(answers))
"""


def ask(test, questions, domain="web1"):
    """getaddrinfo for each (name, family), in one python3 inside the guest."""
    out = test.assertRan(test.node.run(domain, "python3", "-c", ASK, text=json.dumps(questions)))
    return json.loads(out)


class Answers(NodeTest):
    def setUp(self):
        super().setUp()
        self.node.apply()

    def test_getent(self):
        out = self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        self.assertEqual(out.split(), ["192.0.2.11", "v4.test"])
        out = self.assertRan(self.node.run("web1", "getent", "ahosts", "www.test"))
        self.assertIn("192.0.2.10", out)
        self.assertIn("2001:db8::10", out)
        self.assertIn("web.test", out)  # the canonical name behind www
        self.assertRan(self.node.run("web1", "getent", "hosts", "no-such-name.test"), 2)
        out = self.assertRan(self.node.run("web1", "getent", "hosts", "192.0.2.10"))
        self.assertEqual(out.split(), ["192.0.2.10", "web.test"])

    def test_perl(self):
        out = self.assertRan(self.node.run(
            "web1", "perl", "-e",
            '@h = gethostbyname("www.test"); print join(" ", $h[0], $h[1], join(".", unpack("C4", $h[4])))'))
        self.assertEqual(out.split()[0], "web.test")
        self.assertEqual(out.split()[-1], "192.0.2.10")

    def test_getaddrinfo(self):
        answers = ask(self, [["web.test", "AF_UNSPEC"], ["web.test", "AF_INET"], ["web.test", "AF_INET6"],
                             ["no-such-name.test", "AF_UNSPEC"], ["v4.test", "AF_INET6"]])
        self.assertEqual(answers[:4], [["192.0.2.10", "2001:db8::10"], ["192.0.2.10"], ["2001:db8::10"], "EAI_NONAME"])
        self.assertIn(answers[4], ["EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY"])

    def test_names_that_cannot_be(self):
        label = "a" * 63
        longest = ".".join([label, label, label, "a" * 56, "test"])
        self.assertEqual(len(longest), 253)
        answers = ask(self, [["", "AF_UNSPEC"], [longest, "AF_UNSPEC"], ["a" + longest, "AF_UNSPEC"],
                             ["b" * 64 + ".test", "AF_UNSPEC"], ["a..test", "AF_UNSPEC"], ["a b.test", "AF_UNSPEC"]])
        self.assertEqual(set(map(str, answers)) - {"UnicodeError"}, {"EAI_NONAME"}, answers)
        # Python refuses some of these itself; getent does not.
        for name in ("b" * 64 + ".test", "c" * 254, "a..test", "a\\b.test"):
            self.assertRan(self.node.run("web1", "getent", "ahosts", name), 2)

    def test_a_name_with_a_zero_byte_is_what_the_program_made_of_it(self):
        # C strings end at the zero: the name that arrives is the part before it.
        out = self.assertRan(self.node.run("web1", "perl", "-e",
                                           '@h = gethostbyname("v4.test\\0.evil"); print scalar(@h)'))
        self.assertIn(out, ("0", "5"))

    def test_many_threads_and_forks(self):
        program = """
import os, socket, threading
def ask(): assert sorted(a[4][0] for a in socket.getaddrinfo("web.test", 80, 0, socket.SOCK_STREAM)) == ["192.0.2.10", "2001:db8::10"]
def many():
    for _ in range(20): ask()
ask()
threads = [threading.Thread(target=many) for _ in range(16)]
for t in threads: t.start()
for t in threads: t.join()
for _ in range(5):  # not beside the threads: glibc's own getaddrinfo holds a lock (check_pf) that fork copies
    pid = os.fork()
    if pid == 0:
        try: ask(); os._exit(0)
        except BaseException: os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    ask()
os.closerange(3, 1000)
ask()
print("all right")
"""
        self.assertEqual(self.assertRan(self.node.run("web1", "python3", "-c", program)).strip(), "all right")


class Isolation(NodeTest):
    def test_there_is_no_other_way(self):
        self.node.apply()
        out = self.assertRan(self.node.run("web1", "cat", "/proc/net/dev"))
        interfaces = [line.split(":")[0].strip() for line in out.splitlines()[2:]]
        self.assertEqual(interfaces, ["lo"])
        program = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.sendto(b"x", ("127.0.0.1", {self.node.nameserver.port}))
    print("sent")
except OSError as e: print("no way")
"""
        self.assertEqual(self.assertRan(self.node.run("web1", "python3", "-c", program)).strip(), "no way")
        self.assertRan(self.node.run("web1", "ls", str(self.node.run_directory)), 2)
        self.assertEqual(self.assertRan(self.node.run("web1", "ls", "/run/vservice")).split(), ["dns"])

    def test_a_refused_guest_gets_nothing_and_is_explained(self):
        self.node.apply()
        self.assertRan(self.node.run("web2", "getent", "ahosts", "web.test"), 2)
        self.assertEqual(ask(self, [["web.test", "AF_UNSPEC"]], "web2"), ["EAI_AGAIN"])
        out = self.assertRan(self.node.vsctl("explain", "web2", "dns"), 1)
        self.assertIn("deny-web2", out)
        self.assertIn("web2 is quarantined", out)
        binding = self.node.get("binding", "web2-dns")
        self.assertEqual(binding["status"]["state"], "Denied")
        self.assertEqual(self.node.get("binding", "web1-dns")["status"]["state"], "Bound")


class ManyAddresses(NodeTest):
    def setUp(self):
        self.hosts = pathlib.Path(tempfile.mkstemp(prefix="vsh-", dir="/tmp")[1])
        self.addCleanup(self.hosts.unlink)
        self.hosts.write_text("".join(f"10.7.{i // 250}.{i % 250 + 1} many.test\n" for i in range(1000)))
        self.hosts.chmod(0o644)
        self.node_options = {"nameserver_options": [f"--addn-hosts={self.hosts}"]}
        super().setUp()

    def test_a_thousand_addresses_arrive(self):
        self.node.apply()
        answers = ask(self, [["many.test", "AF_INET"], ["many.test", "AF_UNSPEC"]])
        self.assertEqual([len(set(a)) for a in answers], [1000, 1000])
        out = self.assertRan(self.node.run("web1", "getent", "hosts", "many.test"))
        self.assertEqual(len({line.split()[0] for line in out.splitlines()}), 1000)


class DeadNameserver(NodeTest):
    node_options = {"timeout": "200ms", "tries": 2}

    def test_is_try_again_and_comes_back(self):
        self.node.apply()
        self.node.nameserver.stop()
        self.assertEqual(ask(self, [["web.test", "AF_UNSPEC"]]), ["EAI_AGAIN"])
        self.node.nameserver.start()
        self.assertEqual(ask(self, [["web.test", "AF_INET"]]), [["192.0.2.10"]])


if __name__ == "__main__":
    unittest.main()
