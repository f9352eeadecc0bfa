"""The ring between two processes, beside what others make of the same machine.

  ring.echo      round trip of a message, one at a time
  ring.stream    messages one way, as fast as they go; p50, p99 and max are their age on arrival
  frame.handoff  a frame that stays where it is, one at a time: from asking for a buffer until the
                 other process has it

Each message of the first two goes from private memory of the sender to private memory of the
receiver. The peers:

  vservices  libvservice's ring (C) on one side, the backend's (C++) on the other, over the local
             transport; they ring and sleep as libvservice and the backend's loop do
  iceoryx    publisher and subscriber, WaitSet when it blocks; a full queue holds the publisher up
  zeromq     PAIR sockets over ipc://
  nng        pair0 sockets over ipc://
  raw        a pair of unix sockets: seqpacket, and from 300 KiB on stream

The last two waits are VServices' own: "adaptive" looks for a while and then blocks (on one core it
blocks at once), "timer" sleeps until 32 messages are there or 100 us have passed.
"""

import argparse
import os
import sys

from common import benchmark, goals, pairs, plot, roudi
from limits import SIZES, limit

PACKAGES = ("libc6", "libzmq5", "libnng1", "iceoryx")
FRAME_SIZES = (64 << 10, 300 << 10, 4 << 20)
WAITS = {
    "vservices": ("spin", "adaptive", "block", "timer"),
    "iceoryx": ("spin", "block"),
    "zeromq": ("block",),
    "nng": ("block",),
    "raw": ("spin", "block"),
}
FRAME_PEERS = ("vservices", "iceoryx")
# What a goal is held against is measured just before: (case, payload_bytes, cores) -> limits.
LIMITS = {
    ("ring.echo", 64, "two"): (limit("eventfd", "block", "two"), limit("cache_line", "spin", "two")),
    ("ring.echo", 64, "same"): (limit("eventfd", "block", "same"),),
    ("ring.stream", 1 << 10, "two"): (limit("memcpy", "spin", "same", 1 << 10),),
}
SECONDS = 0.1
# What a plot shows: case -> name of the axis, and the figure.
PLOTS = {
    "ring.echo": ("round trip, p50, microseconds", "p50"),
    "ring.stream": ("messages a second", "messages_per_s"),
    "frame.handoff": ("one way, p50, microseconds", "p50"),
}


def _peers(name, cores):
    """Who takes part, and how it waits."""
    for peer in FRAME_PEERS if name == "frame.handoff" else WAITS:
        for wait in WAITS[peer]:
            if cores == "same" and wait == "spin":
                continue  # who spins keeps the core from the other
            if name == "frame.handoff" and wait == "timer":
                continue
            yield peer, wait


def cases():
    found = []
    for name in ("ring.echo", "ring.stream", "frame.handoff"):
        for payload_bytes in FRAME_SIZES if name == "frame.handoff" else SIZES:
            for cores in ("two", "same"):
                found += LIMITS.get((name, payload_bytes, cores), ())
                for peer, wait in _peers(name, cores):
                    one = {"case": name, "peer": peer, "wait": wait, "cores": cores}
                    found.append({**one, "payload_bytes": payload_bytes})
    return found


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh ring",
        description="Messages between two processes, through the ring and through other means.",
        epilog="example: run.sh ring --only '^ring.echo/.*/64$' --rounds 3 --json ring.json",
    )
    pairs.add_options(parser.add_argument, SECONDS)
    return parser.parse_args(arguments)


def measure(chosen, options, scratch):
    if any(case["peer"] == "iceoryx" for case in chosen):
        roudi.start(scratch)
    return pairs.measure(chosen, options, scratch)


def draw(rows, directory):
    os.makedirs(directory, exist_ok=True)
    for case, (label, figure) in PLOTS.items():
        for cores in ("two", "same"):
            series = {}
            for row in rows:
                if (row["case"], row["cores"]) == (case, cores):
                    name = f"{row['peer']} {row['wait']}"
                    series.setdefault(name, []).append((row["payload_bytes"], row[figure]))
            if not series:
                continue
            title = f"{case}, {'two cores' if cores == 'two' else 'one core'}"
            path = os.path.join(directory, f"{case}.{cores}.svg")
            with open(path, "w", encoding="utf-8") as file:
                file.write(plot.lines(title, label, series))


def main(arguments):
    options = parse(arguments)
    chosen = pairs.chosen(cases(), options)
    covered = ("/dev/shm", "/tmp")  # where iceoryx keeps its memory, and its sockets

    def show(rows):
        text = f"microseconds; median of {options.rounds} rounds, spread of their p50\n\n{pairs.table(rows, rates=True)}"
        return text, goals.judge(rows)

    return benchmark.run(options, PACKAGES, lambda scratch: measure(chosen, options, scratch), show, covered=covered, draw=draw)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
