"""The network between two nodes, which live in network namespaces of their own: a process that passes the bytes of their connections on.

    relay.py NAMESPACE_A NAMESPACE_B     descriptors

Each node finds the other at 127.0.0.1:9443 and listens at 127.0.0.1:8443. A link is what one node says: its connections to the other, with
what comes back on them. Commands come from standard input, a line each, and are answered by a line:

  pass LINK     everything passes; what was held comes late
  hold LINK     nothing passes, nothing is lost
  lose LINK     nothing passes, all is lost; when it passes again, connections of before are at their end
  waits LINK    "yes" when something is held
"""

import ctypes
import os
import select
import socket
import sys

HERE, THERE = ("127.0.0.1", 9443), ("127.0.0.1", 8443)
BYTES = 65536
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def socket_in(namespace):
    if LIBC.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    return socket.socket()


class Link:
    def __init__(self, own, other):
        self.other = other
        self.state = "pass"
        self.ends = {}  # socket -> the other end of it; both ways
        self.callers = set()
        self.listener = socket_in(own)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(HERE)
        self.listener.listen(64)

    def readable(self):
        return [] if self.state == "hold" else [self.listener, *self.ends]

    def waits(self):
        watched = [self.listener, *self.callers]
        return bool(select.select(watched, [], [], 0)[0])

    def turn(self, state):
        if self.state == "lose" and state != "lose":
            for end in list(self.ends):
                self.drop(end)
        self.state = state

    def take(self, ready):
        if ready is self.listener:
            self.accept()
        elif ready in self.ends:
            self.pass_on(ready)

    def accept(self):
        caller, _ = self.listener.accept()
        called = socket_in(self.other)
        try:
            called.connect(THERE)
        except OSError:
            caller.close()
            return
        for end, peer in ((caller, called), (called, caller)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends[end] = peer
        self.callers.add(caller)

    def pass_on(self, end):
        try:
            data = end.recv(BYTES)
            if data and self.state == "pass":
                self.ends[end].sendall(data)
        except OSError:
            data = b""
        if not data:
            self.drop(end)

    def drop(self, end):
        if end not in self.ends:
            return
        for one in (end, self.ends[end]):
            del self.ends[one]
            self.callers.discard(one)
            one.close()


def obey(links, line):
    word, name = line.split()
    if word == "waits":
        return "yes" if links[name].waits() else "no"
    links[name].turn(word)
    return "ok"


def main():
    of_a, of_b = map(int, sys.argv[1:3])
    links = {"a": Link(of_a, of_b), "b": Link(of_b, of_a)}
    commands = sys.stdin.fileno()
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([commands, *links["a"].readable(), *links["b"].readable()], [], [])
        for one in ready:
            if one == commands:
                text = os.read(commands, BYTES).decode()  # who commands waits for each answer: one whole line at a time
                if not text:
                    return
                print(obey(links, text), flush=True)
            else:
                for link in links.values():
                    if one is link.listener or one in link.ends:
                        link.take(one)


if __name__ == "__main__":
    main()
