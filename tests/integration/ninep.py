"""A small client of 9P2000.L over a unix socket: what Linux's kernel would ask, and what it would not."""

import errno
import os
import socket
import struct

VERSION, ATTACH, FLUSH, WALK, OPEN, READ, WRITE, CLUNK = 100, 104, 108, 110, 12, 116, 118, 120
GETATTR, SETATTR, READDIR, STATFS, MKDIR, UNLINKAT, ERROR = 24, 26, 40, 8, 72, 76, 6
NO_FID = 0xFFFFFFFF
NO_TAG = 0xFFFF


def text(words):
    raw = words.encode()
    return struct.pack("<H", len(raw)) + raw


class Ninep:
    ROOT = 1

    def __init__(self, path, attach=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.tag = 0
        self.fid = self.ROOT
        self.early = {}
        if attach:
            self.attach()

    def attach(self):
        try:
            self.bytes_max, = struct.unpack_from("<I", self.call(VERSION, struct.pack("<I", 65536) + text("9P2000.L"), tag=NO_TAG))
            self.call(ATTACH, struct.pack("<II", self.ROOT, NO_FID) + text("root") + text("") + struct.pack("<I", 0))
        except (OSError, EOFError):
            self.close()
            raise

    def close(self):
        self.socket.close()

    def send(self, kind, body, tag=None):
        if tag is None:
            self.tag = tag = (self.tag + 1) % 60000
        self.socket.sendall(struct.pack("<IBH", 7 + len(body), kind, tag) + body)
        return tag

    def take(self):
        """The next answer: (type, tag, body)."""
        size, kind, tag = struct.unpack("<IBH", self.exactly(7))
        return kind, tag, self.exactly(size - 7)

    def exactly(self, count):
        raw = b""
        while len(raw) < count:
            more = self.socket.recv(count - len(raw))
            if not more:
                raise EOFError("the server hung up")
            raw += more
        return raw

    def wait(self, tag):
        while tag not in self.early:
            kind, other, body = self.take()
            self.early[other] = kind, body
        kind, body = self.early.pop(tag)
        if kind == ERROR + 1:
            number, = struct.unpack("<I", body)
            raise OSError(number, os.strerror(number))
        return body

    def call(self, kind, body, tag=None):
        return self.wait(self.send(kind, body, tag))

    def walk(self, *names):
        self.fid += 1
        self.call(WALK, struct.pack("<IIH", self.ROOT, self.fid, len(names)) + b"".join(text(name) for name in names))
        return self.fid

    def open(self, name, flags=os.O_RDWR):
        fid = self.walk(name) if name else self.walk()
        self.call(OPEN, struct.pack("<II", fid, flags))
        return fid

    def write(self, fid, data, offset=0):
        return struct.unpack("<I", self.call(WRITE, struct.pack("<IQI", fid, offset, len(data)) + data))[0]

    def send_read(self, fid, offset=0, count=4096):
        return self.send(READ, struct.pack("<IQI", fid, offset, count))

    def read(self, fid, offset=0, count=4096):
        return self.wait(self.send_read(fid, offset, count))[4:]

    def clunk(self, fid):
        self.call(CLUNK, struct.pack("<I", fid))

    def names(self, fid, count=4096):
        names, offset = [], 0
        while True:
            body = self.call(READDIR, struct.pack("<IQI", fid, offset, count))[4:]
            if not body:
                return names
            while body:
                offset, kind, length = struct.unpack_from("<QBH", body, 13)
                names.append((body[24:24 + length].decode(), kind))
                body = body[24 + length:]


def errno_of(call, *arguments):
    """The errno that a call fails with; None when it does not."""
    try:
        call(*arguments)
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return None
