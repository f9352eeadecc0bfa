"""A whole node for one test: a real dnsmasq, vsmgrd with its backends, and guests in sandboxes.

Everything lives in a directory of its own and on ports of its own, so tests run side by side. Needs root.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ["VS_BINARY_DIR"])
SOURCE = pathlib.Path(os.environ["VS_SOURCE_DIR"])
BIN = BUILD / "bin"
MARK = "VS_TEST_NODE"  # in the environment of a node's processes: whose they are
PATIENCE_S = 60  # how long a test waits for what must happen; never how long it takes

ZONE = [
    "--local=/test/",
    "--host-record=web.test,192.0.2.10,2001:db8::10",
    "--host-record=v4.test,192.0.2.11",
    "--cname=www.test,web.test",
    "--ptr-record=10.2.0.192.in-addr.arpa,web.test",
]

DNS_SERVICE = """\
apiVersion: vservices/v1
kind: Service
metadata: {name: dns}
spec:
  kind: dns
  parameters: {nameservers: ["127.0.0.1:%(port)d"], timeout: %(timeout)s, tries: %(tries)d}
---
"""

POLICY = """
apiVersion: vservices/v1
kind: Domain
metadata: {name: web1}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: web2}
spec: {type: sandbox}
---
""" + DNS_SERVICE + """\
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow-web1, effect: allow, message: web1 may resolve names, match: {domains: [web1]}}
    - {id: deny-web2, effect: deny, message: web2 is quarantined, match: {domains: [web2]}}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-dns}
spec: {domain: web1, service: dns, device: dns}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web2-dns}
spec: {domain: web2, service: dns, device: dns}
"""


def wait_until(holds, what):
    """Polls until `holds()` is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("gave up waiting for: " + what)
        time.sleep(0.02)


def wait_until_shows(look, wanted, log=lambda: ""):
    """Polls until what `look()` returns has these members."""
    def holds():
        now = look()
        return all(now.get(key) == value for key, value in wanted.items())
    try:
        wait_until(holds, f"{wanted}")
    except AssertionError as late:
        raise AssertionError(f"{late}: {look()}\n{log()}") from None


def free_port():
    """A port that was free for UDP and TCP a moment ago."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Nameserver:
    def __init__(self, directory, options):
        self.directory = directory
        self.options = options
        self.process = None
        self.port = None

    def start(self):
        for _ in range(20):
            port = self.port or free_port()
            with open(self.directory / "dnsmasq.log", "ab") as log:
                process = subprocess.Popen(
                    ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=nobody",
                     f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-hosts", "--no-resolv",
                     "--cache-size=0", *self.options], stdout=log, stderr=log)
            wait_until(lambda: process.poll() is not None or self.listens(port), "dnsmasq")
            if process.poll() is None:
                self.port, self.process = port, process
                return
        raise AssertionError("dnsmasq does not start: " + (self.directory / "dnsmasq.log").read_text())

    @staticmethod
    def listens(port):
        return f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Node:
    def __init__(self, nameserver_options=(), timeout="2s", tries=3, state=None, manager_options=(), manager_environment=None, manager_launcher=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsn-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.state = state or self.directory / "state"
        self.run_directory = self.directory / "run"
        self.log = self.directory / "vsmgrd.log"
        self.nameserver = Nameserver(self.directory, [*ZONE, *nameserver_options])
        self.nameserver.start()
        self.parameters = {"port": self.nameserver.port, "timeout": timeout, "tries": tries}
        self.manager_options = manager_options
        self.manager_launcher = manager_launcher
        self.manager_environment = manager_environment or {}
        self.manager = None
        self.start_manager()

    def start_manager(self):
        with open(self.log, "ab") as log:
            self.manager = subprocess.Popen(
                [*self.manager_launcher, BIN / "vsmgrd", "--state-dir", self.state, "--run-dir", self.run_directory, "--log-level", "debug",
                 *self.manager_options],
                stdout=log, stderr=log, env={**os.environ, **self.manager_environment, MARK: str(self.directory)})
        wait_until(lambda: self.manager.poll() is not None or self.vsctl("version").returncode == 0, "vsmgrd")
        if self.manager.poll() is not None:
            raise AssertionError("vsmgrd ended: " + self.log.read_text())

    def environment(self):
        return {**os.environ, "VSCTL_SOCKET": str(self.run_directory / "vsmgrd.sock")}

    def vsctl(self, *arguments, text=None, timeout=PATIENCE_S * 2):
        return subprocess.run([BIN / "vsctl", *arguments], input=text, capture_output=True, text=True, timeout=timeout,
                              env=self.environment())

    def vsctl_command(self):
        return [BIN / "vsctl"]

    def popen(self, *arguments, **options):
        return subprocess.Popen([BIN / "vsctl", *arguments], env=self.environment(), text=True, **options)

    def apply(self, text=POLICY):
        """Applies policy text and insists that it works."""
        result = self.vsctl("apply", "-f", "-", text=text % self.parameters)
        if result.returncode != 0:
            raise AssertionError(f"apply: {result.returncode}\n{result.stdout}{result.stderr}\n{self.log.read_text()}")
        return result

    def run(self, domain, *command, **options):
        return self.vsctl("run", domain, "--", *command, **options)

    def get(self, kind, name):
        return json.loads(self.vsctl("get", kind, name, "-o", "json").stdout)

    def metric(self, name, **labels):
        """The sum of a metric's values that carry these labels."""
        total = 0.0
        for line in self.vsctl("metrics", name).stdout.splitlines():
            match = re.fullmatch(r"(\w+)(\{.*\})? (\S+)", line)
            if match and match[1] == name and all(f'{k}="{v}"' in (match[2] or "") for k, v in labels.items()):
                total += float(match[3])
        return total

    def metric_reaches(self, least, name, **labels):
        """Waits until it is at least that, and gives it: a busy backend's counters come with a later scrape."""
        wait_until(lambda: self.metric(name, **labels) >= least, f"{name} {labels} to reach {least}")
        return self.metric(name, **labels)

    def backend_pids(self):
        pids = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                program = (entry / "cmdline").read_bytes().split(b"\0")[0]
                marks = (entry / "environ").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except (OSError, IndexError):
                continue
            ours = f"{MARK}={self.directory}".encode()
            if entry.name.isdigit() and program.endswith(b"vsbackend") and state != "Z" and ours in marks:
                pids.append(int(entry.name))
        return pids

    def kill_backend(self):
        """Kills the one backend there is, and returns when it is gone."""
        for pid in self.backend_pids():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: pid not in self.backend_pids(), f"the end of {pid}")

    def close(self):
        status = 0
        if self.manager.poll() is None:
            self.manager.send_signal(signal.SIGINT)
            status = self.manager.wait(PATIENCE_S)
        self.nameserver.stop()
        log = self.log.read_text()
        left = self.backend_pids()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
        if status != 0 or left or "Sanitizer" in log or "runtime error" in log or "check failed" in log:
            raise AssertionError(f"vsmgrd ended with {status}, backends left: {left}\n{log}")


class Assertions(unittest.TestCase):
    maxDiff = None

    def assertRan(self, result, status=0):
        self.assertEqual(result.returncode, status, f"stdout: {result.stdout}\nstderr: {result.stderr}")
        return result.stdout


class NodeTest(Assertions):
    """A test with a node of its own; `node_options` say what is special about it."""

    node_options = {}

    def setUp(self):
        self.node = Node(**self.node_options)
        self.addCleanup(self.node.close)


class SharedNodeTest(Assertions):
    """Tests that share one node, which is fast: each keeps to objects of its own, and leaves the node as it was."""

    node_options = {}

    @classmethod
    def setUpClass(cls):
        cls.node = Node(**cls.node_options)
        cls.addClassCleanup(cls.node.close)


def domain(name, **labels):
    """The document of a domain, for `apply`."""
    return (f"apiVersion: vservices/v1\nkind: Domain\nmetadata: {{name: {name}, labels: {json.dumps(labels)}}}\n"
            "spec: {type: sandbox}\n---\n")


def dns_guest(name, **labels):
    """The same, and its binding to the service dns."""
    return domain(name, **labels) + (f"apiVersion: vservices/v1\nkind: Binding\nmetadata: {{name: {name}-dns}}\n"
                                     f"spec: {{domain: {name}, service: dns, device: dns}}\n---\n")
