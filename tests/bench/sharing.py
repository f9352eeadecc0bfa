"""What is kept of answers: what a hit costs, and what each mode of sharing does.

All peers ask one dnsmasq, whose answers last 300 s, with glibc's getaddrinfo (dns_load.c).

Case "again": a guest asks for the same few names again and again.
  table      libnss_vservice finds them in memory that the backend fills and the guest only reads
  module     the same, without glibc around it: the NSS module's function alone (getaddrinfo looks at
             /etc/nsswitch.conf and reads /etc/hosts before it comes to a module; of nscd it does neither)
  floor      no guest: a module that knows the answer (nss/floor.c), so what glibc takes whatever the module
  nscd       no guest: glibc finds them in memory that nscd fills
  uncached   as table, of a service that keeps nothing: each lookup goes to dnsmasq

Case "first": a guest asks once for names that another guest has asked for before.
  private, delayed, group, open   the mode of sharing between the two
  veth       the guest's own resolver asks dnsmasq over a veth pair and a bridge

Peers take turns within each round; of each the round with the median p50 is shown.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

from common import benchmark, load, nameserver, network, node, results

PACKAGES = ("libc6", "dnsmasq-base", "nscd", "libc-ares2")
AGAIN = ("table", "module", "floor", "nscd", "uncached")
MODES = ("private", "delayed", "group", "open")
FIRST = (*MODES, "veth")
FAMILIES = ("A", "A+AAAA")
NAMES = 8
TTL_S = 300
WARMUP = 50
COLUMNS = ("case", "family", "peer", "p50", "p99", "max", "cpu_us")
_NSCD_START_S_MAX = 5

_NSCD_CONF = """enable-cache hosts yes
positive-time-to-live hosts 600
check-files hosts no
shared hosts yes
persistent hosts no
"""

_SHARING = """---
apiVersion: vservices/v1
kind: SharingPolicy
metadata: {{name: sharing}}
spec: {{match: {{services: [dns]}}, mode: {mode}}}
"""

_NOTHING_KEPT = """---
apiVersion: vservices/v1
kind: Service
metadata: {{name: fresh}}
spec: {{kind: dns, parameters: {{nameservers: ["{nameserver}"], cache: {{ttlMax: 0s}}}}}}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {{name: fresh}}
spec:
  rules:
    - {{id: allow-all, effect: allow, message: The benchmark's guests., match: {{services: [fresh]}}}}
---
apiVersion: vservices/v1
kind: Domain
metadata: {{name: guest3}}
spec: {{type: sandbox}}
---
apiVersion: vservices/v1
kind: Binding
metadata: {{name: guest3-dns}}
spec: {{domain: guest3, service: fresh, device: dns}}
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh sharing",
        description="What kept answers cost, and what each mode of sharing does.",
        epilog="example: run.sh sharing --rounds 3 --nscd /usr/sbin/nscd",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--nscd", metavar="PROGRAM", help="of Debian's package nscd, which needs not be installed (in the path)")
    add("--rounds", type=int, default=5, help="of each case (5)")
    add("--lookups", type=int, default=20000, help="of each round of again (20000)")
    add("--firsts", type=int, default=1000, help="of each round of first (1000)")
    return parser.parse_args(arguments)


class Peers:
    """Knows by which command a load program runs for each peer."""

    def __init__(self, options, scratch):
        self._scratch = scratch
        self._options = options
        self._program = shutil.copy(os.path.join(options.build, "bin", "dns_load"), scratch)
        self._node = node.Node(
            options.build,
            f"127.0.0.1:{nameserver.PORT}",
            2,
            policies=_NOTHING_KEPT.format(nameserver=f"127.0.0.1:{nameserver.PORT}"),
        )
        network.make_bridge()
        self._namespace = network.make_guest(1)
        self._start_nscd(options.nscd)

    def _write(self, name, text):
        path = os.path.join(self._scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _resolver(self, address):
        return {
            "/etc/resolv.conf": self._write(f"resolv-{address}", f"nameserver {address}\n"),
            "/etc/nsswitch.conf": self._write("nsswitch", "hosts: files dns\n"),
        }

    def _start_nscd(self, given):
        program = given or shutil.which("nscd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if program is None:
            raise RuntimeError("nscd is missing: give --nscd, out of Debian's package of that name")
        program = shutil.copy(program, self._scratch)
        os.makedirs("/run/nscd", exist_ok=True)
        conf = self._write("nscd.conf", _NSCD_CONF)
        command = [program, "--foreground", "--config-file", conf]
        subprocess.Popen(network.with_files(self._resolver("127.0.0.1"), command), stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _NSCD_START_S_MAX
        while not os.path.exists("/run/nscd/socket"):
            if time.monotonic() > deadline:
                raise RuntimeError("nscd does not start")
            time.sleep(0.02)

    def _floor(self, arguments):
        library = os.path.join(self._options.build, "lib")
        no_nscd = os.path.join(self._scratch, "no-nscd")
        os.makedirs(no_nscd, exist_ok=True)
        files = {"/etc/nsswitch.conf": self._write("nsswitch-floor", "hosts: files floor\n"), "/run/nscd": no_nscd}
        return network.with_files(files, ["env", f"LD_LIBRARY_PATH={library}", *arguments])

    def share(self, mode):
        group = ", group: bench" if mode == "group" else ""
        self._node.apply(_SHARING.format(mode=mode + group))

    def again(self, peer, family, lookups):
        arguments = [self._program, family, str(lookups), str(WARMUP), "again", nameserver.DOMAIN, str(NAMES)]
        if peer == "nscd":
            return network.with_files(self._resolver("127.0.0.1"), arguments)
        if peer == "floor":
            return self._floor(arguments)
        if peer == "module":
            arguments.append("libnss_vservice.so.2")
        return self._node.command(3 if peer == "uncached" else 1, arguments)

    def first(self, peer, number, family, lookups, prefix):
        arguments = [self._program, family, str(lookups), str(WARMUP), prefix, nameserver.DOMAIN]
        if peer == "veth":
            return network.with_files(self._resolver(network.NODE_ADDRESS), arguments, self._namespace)
        return self._node.command(number, arguments)


def measure(options, scratch):
    nameserver.start(TTL_S)
    peers = Peers(options, scratch)
    rounds = {}

    def take(case, family, peer, figures):
        rounds.setdefault((case, family, peer), []).append(figures)
        print(f"{case}, {family}, {peer}: p50 {figures['p50']} us", file=sys.stderr, flush=True)

    for turn in range(options.rounds):
        for family in FAMILIES:
            for peer in AGAIN:
                lookups = options.lookups if peer != "uncached" else options.firsts
                take("again", family, peer, load.measure([peers.again(peer, family, lookups)]))
            for peer in FIRST:
                prefix = f"first{turn}-{peer}-{len(family)}"
                if peer != "veth":
                    peers.share(peer)
                    load.measure([peers.first(peer, 1, family, options.firsts, prefix)])
                figures = load.measure([peers.first(peer, 2, family, options.firsts, prefix)])
                take("first", family, peer, figures)
    rows = []
    for (case, family, peer), taken in rounds.items():
        row = {"case": case, "peer": peer, "family": family}
        rows.append({**row, **results.median_round(taken)})
    return rows


def ratios(rows):
    found = {(row["case"], row["family"], row["peer"]): row["p50"] for row in rows}
    compared = []
    for family in FAMILIES:
        table = found["again", family, "table"]
        compared.append(
            {
                "family": family,
                "module/nscd": round(found["again", family, "module"] / found["again", family, "nscd"], 2),
                "table/floor": round(table / found["again", family, "floor"], 2),
                "table/nscd": round(table / found["again", family, "nscd"], 2),
                "uncached/module": round(found["again", family, "uncached"] / found["again", family, "module"], 1),
                "uncached/floor": round(found["again", family, "uncached"] / found["again", family, "floor"], 1),
                "uncached/table": round(found["again", family, "uncached"] / table, 1),
                "veth/group": round(found["first", family, "veth"] / found["first", family, "group"], 2),
                "delayed/private": round(found["first", family, "delayed"] / found["first", family, "private"], 2),
            }
        )
    return compared


def show(options, rows):
    compared = ratios(rows)
    text = f"microseconds; median of {options.rounds} rounds\n\n{results.table(rows, COLUMNS)}"
    return f"{text}\n\n{results.table(compared, list(compared[0]))}", []


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, PACKAGES, lambda scratch: measure(options, scratch), lambda rows: show(options, rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
