"""Name lookups by guests: through the VService, over a virtual network, and on the host.

Every guest looks up names with glibc's getaddrinfo (dns_load.c). The answers come from one dnsmasq
for all peers, which runs in the node's network namespace. The peers:

  veth       the guest has a network namespace; a veth pair and a bridge lead to dnsmasq; glibc's
             own resolver asks it over UDP
  vservices  the guest is what `vsctl run` makes, without any network; libnss_vservice asks
             vsbackend, which asks dnsmasq over UDP on loopback
  host       no guest: glibc's own resolver asks dnsmasq over UDP on loopback

Peers take turns within each round, so that what else happens on the machine meets all of them. Of
each case the round with the median p50 is shown, in all its figures.
"""

import argparse
import os
import shutil
import sys
import time

from common import benchmark, cpu, load, nameserver, network, node, results

GUESTS = (1, 2, 4, 8)
GUESTS_MAX = 8
FAMILIES = ("A", "A+AAAA")
PEERS = ("veth", "vservices", "host")
PACKAGES = ("libc6", "dnsmasq-base", "libc-ares2")
WARMUP_LOOKUPS = 50
COLUMNS = ("guests", "family", "peer", "p50", "p99", "max", "cpu_us", "machine_us")


def some_of(known, convert=str):
    def take(text):
        chosen = [convert(part) for part in text.split(",")]
        if not set(chosen) <= set(known):
            raise argparse.ArgumentTypeError(f"some of {','.join(map(str, known))}")
        return chosen

    return take


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh dns",
        description="DNS lookups by 1 to 8 guests, three ways.",
        epilog="example: run.sh dns --guests 1,8 --rounds 3 --json dns.json",
    )
    add = parser.add_argument
    counts = some_of(range(1, GUESTS_MAX + 1), int)
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--guests", type=counts, default=list(GUESTS), help="at once (1,2,4,8)")
    add("--families", type=some_of(FAMILIES), default=list(FAMILIES), help="A,A+AAAA")
    add("--peers", type=some_of(PEERS), default=list(PEERS), help=",".join(PEERS))
    add("--rounds", type=int, default=5, help="of each case (5)")
    add("--lookups", type=int, default=2000, help="of each guest in a round (2000)")
    add("--wait", type=float, default=0, metavar="S", help="for a quiet machine, a round (0)")
    return parser.parse_args(arguments)


class Guests:
    """Knows by which command a load program runs in a guest of each peer."""

    def __init__(self, options, scratch):
        self._counts = [str(options.lookups), str(WARMUP_LOOKUPS)]
        self._runs = 0
        self._scratch = scratch
        self._program = shutil.copy(os.path.join(options.build, "bin", "dns_load"), scratch)
        count = max(options.guests)
        if "veth" in options.peers:
            network.make_bridge()
            self._namespaces = [network.make_guest(number) for number in range(1, count + 1)]
        if "vservices" in options.peers:
            self._node = node.Node(options.build, f"127.0.0.1:{nameserver.PORT}", count)

    def _resolver(self, address):
        """The files that make glibc's own resolver ask `address`."""
        contents = {
            "/etc/resolv.conf": f"nameserver {address}\n",
            "/etc/nsswitch.conf": "hosts: files dns\n",
        }
        files = {}
        for path, text in contents.items():
            files[path] = os.path.join(self._scratch, f"{os.path.basename(path)}-{address}")
            with open(files[path], "w", encoding="utf-8") as file:
                file.write(text)
        return files

    def commands(self, peer, count, family):
        """Of one run, in guests 1 to `count`. Each name is asked for once: names differ in every
        guest of every run."""
        self._runs += 1
        commands = []
        for number in range(1, count + 1):
            prefix = f"run{self._runs}-{number}"
            arguments = [family, *self._counts, prefix, nameserver.DOMAIN]
            commands.append(self._command(peer, number, arguments))
        return commands

    def _command(self, peer, number, arguments):
        program = [self._program, *arguments]
        if peer == "vservices":
            return self._node.command(number, program)
        if peer == "veth":
            files = self._resolver(network.NODE_ADDRESS)
            return network.with_files(files, program, self._namespaces[number - 1])
        return network.with_files(self._resolver("127.0.0.1"), program)


def measure_round(options, guests, peer, count, family):
    """With --wait: begins when the machine is quiet, and once more if it did not stay so."""
    deadline = time.monotonic() + options.wait
    while True:
        cpu.wait_until_quiet(deadline)
        figures = load.measure(guests.commands(peer, count, family))
        if not figures["disturbed"] or time.monotonic() >= deadline:
            return figures


def measure(options, scratch):
    nameserver.start()
    guests = Guests(options, scratch)
    rounds = {}
    for turn in range(1, options.rounds + 1):
        for count in options.guests:
            for family in options.families:
                for peer in options.peers:
                    figures = measure_round(options, guests, peer, count, family)
                    rounds.setdefault((count, family, peer), []).append(figures)
                    done = f"round {turn} of {options.rounds}: {count} guests, {family}, {peer}"
                    print(f"{done}: p50 {figures['p50']} us", file=sys.stderr, flush=True)
    rows = []
    for (count, family, peer), taken in rounds.items():
        case = {"case": "dns.lookup", "peer": peer, "guests": count, "family": family}
        rows.append({**case, **results.median_round(taken)})
    return rows


def ratios(rows):
    """The VService's figures in parts of the virtual network's, for each case that has both."""
    found = {(row["guests"], row["family"], row["peer"]): row for row in rows}
    compared = []
    for (count, family, peer), ours in found.items():
        other = found.get((count, family, "veth"))
        if peer != "vservices" or other is None:
            continue
        row = {"guests": count, "family": family}
        for name in ("p50", "p99", "cpu_us"):
            row[f"{name} vservices/veth"] = round(ours[name] / other[name], 2)
        compared.append(row)
    return compared


def show(options, rows):
    text = f"microseconds; median of {options.rounds} rounds, {options.lookups} lookups a guest\n\n{results.table(rows, COLUMNS)}"
    if compared := ratios(rows):
        text += "\n\n" + results.table(compared, list(compared[0]))
    return text, []


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, PACKAGES, lambda scratch: measure(options, scratch), lambda rows: show(options, rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
