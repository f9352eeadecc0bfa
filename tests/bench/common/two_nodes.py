"""Two nodes on one machine that hand domains to each other, over mutual TLS, with a broker between them."""

import datetime
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))
from certificates import Authority  # pylint: disable=wrong-import-position

NAMES = ("alpha", "beta")
PATIENCE_S = 60
_RUN = "/run/bench"  # of this benchmark alone: see isolate.py
_PORTS = {"alpha": 18443, "beta": 18444}
_POLL_S = 0.05  # each time a node is asked it works for that

_SERVICES = """apiVersion: vservices/v1
kind: Service
metadata: {{name: dns}}
spec: {{kind: dns, parameters: {{nameservers: ["{nameserver}"]}}}}
---
apiVersion: vservices/v1
kind: Service
metadata: {{name: bus}}
spec: {{kind: pubsub, parameters: {{engine: hub, prefix: bench, shared: ["order.>"], atLeastOnce: ["order.>"]}}}}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {{name: bench}}
spec:
  rules:
    - {{id: allow-all, effect: allow, message: The benchmark's guests., match: {{services: [dns, bus]}}}}
"""
_DOMAIN = "---\napiVersion: vservices/v1\nkind: Domain\nmetadata: {{name: {name}}}\nspec: {{type: sandbox}}\n"
_BINDING = """---
apiVersion: vservices/v1
kind: Binding
metadata: {{name: {domain}-{device}}}
spec: {{domain: {domain}, service: {service}, device: {device}}}
"""
_CHANGED = re.compile(r"^(\S+)Z .*\bhandoff\.changed id=(\w+) .*\brole=(\w+) .*\bphase=(\w+) outcome=(\w+)")


def wait_until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("gave up waiting for: " + what)
        time.sleep(_POLL_S)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("vsmgrd.local", timeout=PATIENCE_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Node:
    """One of them. Its state is in `directory`, which should be on a disk: a handoff waits for it."""

    def __init__(self, build, name, directory, authority, engine):
        other = NAMES[1 - NAMES.index(name)]
        key, certificate = authority.issue(name, alternative=f"DNS:{name},IP:127.0.0.1")
        self.name = name
        self.log = directory / f"{name}.log"
        self._socket = f"{_RUN}/{name}/vsmgrd.sock"
        self._vsctl = [f"{build}/bin/vsctl", "--socket", self._socket]
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [f"{build}/bin/vsmgrd", "--node-name", name, "--state-dir", str(directory / name), "--run-dir", f"{_RUN}/{name}",
                 "--domains-dir", f"{_RUN}/domains", "--listen", f"127.0.0.1:{_PORTS[name]}", "--tls-certificate", str(certificate),
                 "--tls-key", str(key), "--tls-client-ca", str(authority.certificate), "--peer", f"{other}=127.0.0.1:{_PORTS[other]}",
                 "--engine", f"hub=nats,server={engine}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, f"vsmgrd {name}: see {self.log}")

    def _answers(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"vsmgrd ended:\n{self.log.read_text()}")
        return subprocess.run([*self._vsctl, "version"], capture_output=True, check=False).returncode == 0

    def ask(self, method, target, body=None):
        """Status and JSON of an answer."""
        connection = _Connection(self._socket)
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, target, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def apply(self, text):
        done = subprocess.run([*self._vsctl, "apply", "-f", "-"], input=text.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stdout.decode()}{done.stderr.decode()}")

    def command(self, domain, command):
        return [*self._vsctl, "run", domain, "--", *command]

    def serves(self, domain, devices):
        for device in devices:
            status, binding = self.ask("GET", f"/v1/bindings/{domain}-{device}")
            if status != 200 or binding.get("status", {}).get("state") != "Bound":
                return False
        return True

    def changes(self, handoff):
        """When each phase of it began here, and it ended: name -> seconds since 1970."""
        found = {}
        for line in self.log.read_text(errors="replace").splitlines():
            changed = _CHANGED.match(line)
            if changed and changed[2] == handoff:
                name = changed[4] if changed[5] == "Running" else changed[5]
                found.setdefault(name, datetime.datetime.fromisoformat(changed[1] + "+00:00").timestamp())
        return found

    def end(self):
        self._process.send_signal(signal.SIGINT)  # ends its backends, too
        self._process.wait(PATIENCE_S)


def declare(domain, devices):
    """`devices` is name -> service."""
    text = _DOMAIN.format(name=domain)
    return text + "".join(_BINDING.format(domain=domain, device=device, service=service) for device, service in devices.items())


def start(build, directory, nameserver, engine):
    directory = pathlib.Path(directory)
    shutil.rmtree(_RUN, ignore_errors=True)
    os.makedirs(_RUN)
    authority = Authority(directory, "nodes-ca")
    nodes = [Node(build, name, directory, authority, engine) for name in NAMES]
    for node in nodes:
        node.apply(_SERVICES.format(nameserver=nameserver))
    return nodes


def move(source, destination, domain):
    """Returns the handoff's id, when it was asked for and when it had ended (CLOCK_MONOTONIC), and what the source says of it."""
    asked = time.monotonic_ns()
    status, told = source.ask("POST", "/v1/migrations", {"domain": domain, "node": destination.name})
    if status != 202:
        raise RuntimeError(f"move {domain} to {destination.name}: {told}")
    identifier = told["id"]
    while True:
        time.sleep(_POLL_S)
        told = source.ask("GET", f"/v1/migrations/{identifier}")[1]
        if told.get("ended"):
            break
        if time.monotonic_ns() - asked > PATIENCE_S * 10**9:
            raise RuntimeError(f"{identifier} does not end: {told}")
    ended = time.monotonic_ns()
    if told["outcome"] != "Done":
        raise RuntimeError(f"{identifier} ended: {told}")
    return identifier, asked, ended, told
