"""Two real nodes, each in a network namespace of its own, a relay for a network between them, state directories that can be full, and a
guest that asks all the time."""

import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from asker import Asker
from certificates import Authority
from node import DNS_SERVICE, PATIENCE_S, Node, dns_guest, wait_until, wait_until_shows
from phases import DOMAIN
from watcher import Watcher, read_database

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {"a": "node-a", "b": "node-b"}
ADDRESSES = {"a": "192.0.2.1", "b": "192.0.2.2"}  # of who.test, as each node says
STATE_MIB = 16
BACKEND_PATIENCE_S = 4
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LIBC = ctypes.CDLL(None, use_errno=True)

DECLARED = DNS_SERVICE + """
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow, effect: allow, message: these may resolve names, match: {domainLabels: {may: resolve}}}
"""


def must(status, doing):
    if status != 0:
        raise OSError(ctypes.get_errno(), doing)


def own_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


@contextlib.contextmanager
def inside(namespace):
    """What this thread begins meanwhile is begun in that network namespace."""
    before = own_namespace()
    must(LIBC.setns(namespace, CLONE_NEWNET), "setns")
    try:
        yield
    finally:
        must(LIBC.setns(before, CLONE_NEWNET), "setns")
        os.close(before)


def make_namespace():
    before = own_namespace()
    must(LIBC.unshare(CLONE_NEWNET), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
    made = own_namespace()
    must(LIBC.setns(before, CLONE_NEWNET), "setns")
    os.close(before)
    return made


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("vsmgrd.local", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Network:
    """The relay, as a process that can be killed and stopped."""

    def __init__(self, namespaces):
        self.namespaces = namespaces
        self.process = None
        self._one = threading.Lock()
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-B", HERE / "relay.py", *map(str, self.namespaces)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, pass_fds=self.namespaces)
        if self.process.stdout.readline().strip() != "ready":
            raise AssertionError("the relay does not start")

    def say(self, word, link):
        with self._one:
            self.process.stdin.write(f"{word} {link}\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip()

    def everywhere(self, word):
        for link in "ab":
            self.say(word, link)

    def wait_for(self, link):
        wait_until(lambda: self.say("waits", link) == "yes", f"something to wait at link {link}")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Member(Node):
    """One node of the two; `letter` is "a" or "b"."""

    def __init__(self, letter, namespace, directory, authority):
        self.letter, self.namespace, self.name = letter, namespace, NAMES[letter]
        self.disk = directory / f"disk-{letter}"
        self.disk.mkdir()
        must(LIBC.mount(b"tmpfs", bytes(self.disk), b"tmpfs", 0, b"size=%dm" % STATE_MIB), "mount")
        other = NAMES["b" if letter == "a" else "a"]
        files = {end: directory / f"{self.name}.{end}" for end in ("key", "pem")}
        if not files["pem"].exists():
            authority.issue(self.name, alternative=f"DNS:{self.name},IP:127.0.0.1")
        with inside(namespace):
            super().__init__(
                nameserver_options=[f"--host-record=who.test,{ADDRESSES[letter]}"], state=self.disk / "state", manager_options=[
                    "--node-name", self.name, "--domains-dir", directory / "domains", "--listen", "127.0.0.1:8443",
                    "--tls-certificate", files["pem"], "--tls-key", files["key"], "--tls-client-ca", authority.certificate,
                    "--peer", f"{other}=127.0.0.1:9443", "--backend-patience", str(BACKEND_PATIENCE_S)])

    def start_manager(self):
        with inside(self.namespace):
            super().start_manager()

    def ask(self, method, target, body=None):
        """Status and JSON; (0, None) when it does not answer."""
        connection = Connection(str(self.run_directory / "vsmgrd.sock"))
        try:
            connection.request(method, target, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def record(self, identifier):
        """(phase, outcome) of a handoff, as they are durable here; None: it knows nothing of it."""
        rows = read_database(self.database(), "SELECT phase, outcome FROM handoff WHERE id = ?", identifier)
        return rows[0] if rows else None

    def database(self):
        return self.state / "vsmgrd.db"

    def signal_backends(self, number):
        for pid in self.backend_pids():
            os.kill(pid, number)

    def kill_manager(self):
        self.manager.kill()
        self.manager.wait()

    def fill_disk(self):
        with open(self.disk / "filler", "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"\0" * 4096)

    def empty_disk(self):
        (self.disk / "filler").unlink(missing_ok=True)


class World:
    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsx-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        authority = Authority(self.directory, "nodes-ca")
        self.namespaces = [make_namespace() for _ in NAMES]
        self.network = Network(self.namespaces)
        self.a, self.b = (Member(letter, namespace, self.directory, authority) for letter, namespace in zip(NAMES, self.namespaces))
        for node in (self.a, self.b):
            node.apply(DECLARED)
            node.apply(dns_guest("stays-at-" + node.letter, may="resolve"))  # so that it has a backend all the time
        self.a.apply(dns_guest(DOMAIN, may="resolve"))
        wait_until(lambda: self.b.backend_pids(), "a backend")
        self.asker = Asker([self.a, self.b], DOMAIN)
        self.watcher = Watcher(DOMAIN, [self._table(namespace) for namespace in self.namespaces],
                               [self.a.database(), self.b.database()], list(NAMES.values()))
        self.watcher.start()

    def _table(self, namespace):
        with inside(namespace):
            return os.open("/proc/thread-self/net/unix", os.O_RDONLY)

    def node(self, letter):
        return self.a if letter == "a" else self.b

    def start(self, source="a", **more):
        node = self.node(source)
        other = self.node("b" if source == "a" else "a")
        status, told = node.ask("POST", "/v1/migrations", {"domain": DOMAIN, "node": other.name, **more})
        assert status == 202, told
        return told["id"]

    def say(self, letter, identifier, word, **body):
        return self.node(letter).ask("POST", f"/v1/migrations/{identifier}:{word}", body or None)

    def told(self, letter, identifier):
        """What the node says of it; {} when it does not answer, or knows nothing."""
        status, told = self.node(letter).ask("GET", f"/v1/migrations/{identifier}")
        return told if status == 200 else {}

    def wait_for(self, letter, identifier, **wanted):
        wait_until_shows(lambda: self.told(letter, identifier), wanted)

    def logs(self):
        return "".join(f"== {node.name}\n{node.log.read_text()}\n" for node in (self.a, self.b) if node.log.exists())

    def close(self):
        """Ends all; words for what did not end well."""
        wrong = []
        self.watcher.end()
        self.asker.end()
        for node in (self.a, self.b):
            try:
                node.manager.send_signal(signal.SIGCONT)
                node.close()
            except (AssertionError, subprocess.TimeoutExpired) as problem:
                wrong.append(str(problem).splitlines()[0])
        self.network.kill()
        self.stack.close()
        return wrong
