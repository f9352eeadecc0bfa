"""A node with many domains and bindings, and plain HTTP to its daemon."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time

_STATE_DIRECTORY = "/var/tmp"  # a real disk: what is durable must cost what it costs
_RUN_DIRECTORY = "/run/bench/run"
_PATIENCE_S = 120
_COUNT_PATIENCE_S = 10

_SERVICE = """apiVersion: vservices/v1
kind: Service
metadata: {name: dns}
spec: {kind: dns, parameters: {nameservers: ["%s"]}}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: bench}
spec: {rules: [{id: all, effect: allow, message: The benchmark's guests., match: {services: [dns]}}]}
"""
_DOMAIN = "---\n{apiVersion: vservices/v1, kind: Domain, metadata: {name: %s}, spec: {type: sandbox}}\n"
_BINDING = (
    "---\n{apiVersion: vservices/v1, kind: Binding, metadata: {name: %s, labels: {mark: %s}},"
    " spec: {domain: %s, service: dns, device: %s}}\n"
)


class Client:
    """One connection that stays open."""

    def __init__(self, path):
        self._connection = http.client.HTTPConnection("vsmgrd")
        self._connection.sock = socket.socket(socket.AF_UNIX)
        self._connection.sock.connect(path)

    def _ask(self, method, target, body=None, headers=None):
        self._connection.request(method, target, body=body, headers=headers or {})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {text[:300]!r}")
        return answer, text

    def get_text(self, target):
        return self._ask("GET", target)[1]

    def get(self, target):
        return json.loads(self.get_text(target))

    def get_tagged(self, target):
        answer, text = self._ask("GET", target)
        return json.loads(text), answer.getheader("ETag")

    def put(self, target, body, tag):
        return self._ask("PUT", target, body, {"Content-Type": "application/json", "If-Match": tag})


class Node:
    def __init__(self, build, server, domains):
        self._programs = os.path.join(build, "bin")
        self.socket = f"{_RUN_DIRECTORY}/vsmgrd.sock"
        self.state = os.path.join(_STATE_DIRECTORY, f"vs-bench-{os.getpid()}-{time.monotonic_ns()}")
        self._server = server
        self._domains = domains
        os.makedirs(os.path.dirname(_RUN_DIRECTORY), exist_ok=True)
        os.makedirs(self.state, mode=0o700)
        self._vsmgrd = None
        self.start()
        self.vsctl("apply", "-f", "-", text=self.documents(bindings=2))
        self.settle()

    @staticmethod
    def domain(number):
        return f"d{number:04d}"

    def binding(self, number):
        """Binding 1 and 2 are of domains 1 and 2; every domain has as many as another, or one less."""
        return f"b{number:05d}"

    def documents(self, bindings, mark="r"):
        text = _SERVICE % self._server
        text += "".join(_DOMAIN % self.domain(number) for number in range(1, self._domains + 1))
        for number in range(bindings):
            domain, device = number % self._domains, number // self._domains
            name = "dns" if device == 0 else f"dns{device}"
            text += _BINDING % (self.binding(number + 1), mark, self.domain(domain + 1), name)
        return text

    def start(self):
        """Returns at the first answer."""
        command = [f"{self._programs}/vsmgrd", "--state-dir", self.state, "--run-dir", _RUN_DIRECTORY, "--log-level", "warn"]
        self._vsmgrd = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.client().get("/healthz")
                return
            except (OSError, http.client.HTTPException):
                if self._vsmgrd.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"vsmgrd does not answer (exit {self._vsmgrd.poll()})") from None
                time.sleep(0.001)

    def stop(self, number):
        self._vsmgrd.send_signal(number)
        self._vsmgrd.wait(_PATIENCE_S)
        if number == signal.SIGINT:
            subprocess.run(["rm", "-rf", self.state], check=True)

    def client(self):
        return Client(self.socket)

    def vsctl(self, *arguments, text=None, statuses=(0,)):
        command = [f"{self._programs}/vsctl", "--socket", self.socket, "--timeout", "120s", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode not in statuses:
            raise RuntimeError(f"vsctl {' '.join(arguments)}: {done.returncode} {done.stderr[-500:]}")
        return done.stdout

    def run(self, number, command):
        return [f"{self._programs}/vsctl", "--socket", self.socket, "run", self.domain(number), "--", *command]

    def metric(self, name, wanted=""):
        total = 0.0
        for line in self.client().get_text("/metrics").decode().splitlines():
            if line.startswith(name) and line[len(name)] in "{ " and wanted in line:
                total += float(line.rsplit(" ", 1)[1])
        return total

    def requests(self):
        return self.metric("vservices_requests_total")

    def requests_after(self, before):
        """Once there are more: on a busy machine a scrape tells the counts that it knew last."""
        deadline = time.monotonic() + _COUNT_PATIENCE_S
        while (now := self.requests()) <= before and time.monotonic() < deadline:
            time.sleep(0.05)
        return now

    def settle(self):
        self.wait_reconciled(int(self.metric("vservices_objects", 'kind="Binding"')))

    def wait_reconciled(self, bindings):
        """Until this run of vsmgrd has told the backends, and they have confirmed, all of them."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.metric("vservices_bindings", 'state="Bound"') != bindings:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{bindings} bindings are not in force after {_PATIENCE_S} s")
            time.sleep(0.005)

    def backend_pid(self):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                    if file.read().strip() == "vsbackend":
                        return int(entry)
        raise RuntimeError("there is no vsbackend")

    def _memory(self, field):
        with open(f"/proc/{self._vsmgrd.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError(f"no {field}")

    def rss_bytes(self):
        return self._memory("VmRSS")

    def rss_bytes_max(self):
        return self._memory("VmHWM")
