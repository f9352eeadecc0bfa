"""A guest's program that asks all the time which node serves it: each node's nameserver has another address for who.test.

Its answers are told as they come: (asked, answered) of CLOCK_MONOTONIC, and the address, or "-" when there was none.
"""

import os
import signal
import subprocess
import threading
import time

from node import PATIENCE_S, wait_until

PROGRAM = """
import select, socket, sys, time
while True:
    asked = time.monotonic_ns()
    try:
        found = ",".join(sorted(a[4][0] for a in socket.getaddrinfo("who.test", 80, socket.AF_INET, socket.SOCK_STREAM)))
    except OSError:
        found = "-"
    print(asked, time.monotonic_ns(), found, flush=True)
    if select.select([sys.stdin], [], [], 0.003)[0]: break
"""


def below(pid):
    """The processes that come from `pid`, the last ones first."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                children.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
        except OSError:
            continue
    found, todo = [], [pid]
    while todo:
        todo = [child for parent in todo for child in children.get(parent, [])]
        found = todo + found
    return found


class Asker:
    def __init__(self, nodes, domain):
        self.nodes, self.domain = nodes, domain
        self.answers = []
        self._process = self._reader = None
        self.begin()

    def begin(self):
        """At whichever node the domain is; it may leave right then."""
        wait_until(lambda: any(self._begins_at(node) for node in self.nodes), "the guest's program to begin")

    def _begins_at(self, node):
        if node.vsctl("get", "domain", self.domain).returncode != 0:
            return False
        self._process = node.popen("run", self.domain, "--", "python3", "-c", PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        before = len(self.answers)
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        wait_until(lambda: len(self.answers) > before or self._process.poll() is not None, "the guest's first answer")
        return len(self.answers) > before

    def _read(self, source):
        for line in source:
            words = line.split()
            if len(words) == 3:
                self.answers.append((int(words[0]), int(words[1]), words[2]))

    def pid(self):
        return below(self._process.pid)[0]

    def signal(self, number):
        os.kill(self.pid(), number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)

    def wait_for(self, address, what):
        """Until that node has answered something that was asked from now on."""
        now = time.monotonic_ns()
        wait_until(lambda: any(asked > now and found == address for asked, _, found in self.answers[-50:]), what)

    def first_after(self, moment):
        return next((answered for _, answered, found in self.answers if answered > moment and found != "-"), None)

    def end(self):
        out = self._process
        if out.poll() is None:
            out.stdin.write("\n")
            out.stdin.close()
            out.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
