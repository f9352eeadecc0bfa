"""Looks at two nodes all the time, from outside: which of them has a domain's devices, and which owns its bindings.

What it sees is not what vsmgrd says of itself: the devices' sockets are the kernel's (/proc/net/unix of each node's network namespace),
the owners those that are durable in each node's database. A look goes node a, b, a: what a has in both looks it has
in between. Words for what must not be are collected in `wrong`.
"""

import contextlib
import os
import sqlite3
import threading

PAUSE_S = 0.004
OWNERS_EVERY = 5  # looks
LISTENS = b"00010000"  # of a connection, the other end is where who connects is


def open_database(path):
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1))


def read_database(path, question, *values):
    """Rows; none while it cannot be read."""
    try:
        with open_database(path) as database:
            return database.execute(question, values).fetchall()
    except sqlite3.Error:
        return None


class Watcher(threading.Thread):
    def __init__(self, domain, tables, databases, names):
        """`tables`: open descriptors of both nodes' /proc/net/unix."""
        super().__init__(daemon=True)
        self.domain = domain
        self.tables, self.databases, self.names = tables, databases, names
        self.wrong = []
        self.looks = 0
        self._epochs = [{}, {}]
        self._over = threading.Event()

    def sockets(self, node):
        """inode -> path, of the sockets at which node's backends take guests of the domain."""
        text = b""
        while chunk := os.pread(self.tables[node], 1 << 16, len(text)):
            text += chunk
        mark = f"/domains/{self.domain}/".encode()
        found = [line.split() for line in text.splitlines() if mark in line]
        return {words[6]: words[7].decode() for words in found if words[3] == LISTENS}

    def owned(self, node):
        """binding -> epoch, of those that node owns."""
        rows = read_database(self.databases[node], "SELECT binding, epoch, owner FROM standing")
        for binding, epoch, _ in rows or []:
            before = self._epochs[node].get(binding, 0)
            if epoch < before:
                self.wrong.append(f"{self.names[node]}: the epoch of {binding} fell from {before} to {epoch}")
            self._epochs[node][binding] = max(epoch, before)
        return {binding: epoch for binding, epoch, owner in rows or [] if owner == self.names[node]}

    def epochs(self):
        """The highest of each node, by binding."""
        return self._epochs

    def look(self):
        first, other, second = self.sockets(0), self.sockets(1), self.sockets(0)
        if other and (both := first.keys() & second.keys()):
            self.wrong.append(f"both nodes' backends have the domain's devices: {[first[one] for one in both]} and {[*other.values()]}")
        if self.looks % OWNERS_EVERY == 0:
            before, there, after = self.owned(0), self.owned(1), self.owned(0)
            for binding, epoch in there.items():
                if before.get(binding) is not None and before.get(binding) == after.get(binding):
                    self.wrong.append(f"both nodes own {binding}: by epoch {before[binding]} and {epoch}")
        self.looks += 1

    def run(self):
        while not self._over.wait(PAUSE_S):
            self.look()

    def end(self):
        self._over.set()
        self.join()
        self.look()
