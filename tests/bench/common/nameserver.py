"""The nameserver of the DNS benchmark: Debian's dnsmasq, told all it knows on its command line."""

import shutil
import socket
import struct
import subprocess
import time

DOMAIN = "bench.example"
PORT = 53
_ANSWERS = ("192.0.2.1", "2001:db8::1")
_START_S_MAX = 5
_ASK_S_MAX = 0.1


def command(ttl_s=0, more=()):
    """Every name below DOMAIN exists, with one A and one AAAA.

    Nothing is cached: such answers come from the configuration, and there is no room for others.
    No files, no upstream servers, no log. `more`: options.
    """
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        raise RuntimeError("dnsmasq is missing: install dnsmasq-base")
    return [
        program,
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        f"--port={PORT}",
        "--no-resolv",
        "--no-hosts",
        "--no-poll",
        "--cache-size=0",
        f"--local-ttl={ttl_s}",
        *(f"--address=/{DOMAIN}/{address}" for address in _ANSWERS),
        *more,
    ]


def _question():
    """A packet that asks for an A record (RFC 1035 section 4)."""
    header = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0)
    name = b""
    for label in ["ready", *DOMAIN.split(".")]:
        name += bytes([len(label)]) + label.encode()
    return header + name + b"\0" + struct.pack(">2H", 1, 1)


def _answers():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(_ASK_S_MAX)
        try:
            asker.connect(("127.0.0.1", PORT))
            asker.send(_question())
            answer_count = struct.unpack(">6H", asker.recv(512)[:12])[3]
        except OSError:
            return False
    return answer_count == 1


def start(ttl_s=0, more=()):
    server = subprocess.Popen(command(ttl_s, more), stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + _START_S_MAX
    while not _answers():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"dnsmasq does not answer (exit {server.poll()})")
        time.sleep(0.01)
    return server
