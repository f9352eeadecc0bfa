"""The raw limits of the machine: what links between two processes are made of, with nothing around.

  limit.cache_line      round trip of one word, both sides looking all the time
  limit.futex           round trip, both asleep in between
  limit.eventfd         the same with a pair of eventfds
  limit.unix_seqpacket  the same with 64 bytes over a pair of unix sockets
  limit.memcpy          copying: "same" from private memory, "two" what the other core just wrote
"""

import argparse
import os
import sys

from common import benchmark, pairs, plot

PACKAGES = ("libc6",)
SIZES = (64, 1 << 10, 4 << 10, 64 << 10, 300 << 10, 4 << 20)
SECONDS = 0.3


def limit(name, wait, cores, payload_bytes=64):
    return {
        "case": f"limit.{name}",
        "peer": "raw",
        "wait": wait,
        "cores": cores,
        "payload_bytes": payload_bytes,
    }


def cases():
    found = [limit("cache_line", "spin", "two")]
    for name in ("futex", "eventfd", "unix_seqpacket"):
        found += [limit(name, "block", cores) for cores in ("same", "two")]
    found += [limit("memcpy", "spin", cores, bytes_) for cores in ("same", "two") for bytes_ in SIZES]
    return found


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh limits",
        description="What the machine allows between two processes.",
        epilog="example: run.sh limits --only futex --rounds 3 --json limits.json",
    )
    pairs.add_options(parser.add_argument, SECONDS)
    return parser.parse_args(arguments)


def draw(rows, directory):
    values = {}
    for row in rows:
        name = f"{row['case']} {row['cores']}"
        if row["case"] == "limit.memcpy":
            name += " " + plot.size(row["payload_bytes"])
        values[name] = (row["p50"], row["p99"])
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "limits.svg"), "w", encoding="utf-8") as file:
        file.write(plot.bars("Raw limits", "microseconds (bar: p50, line: p99)", values))


def main(arguments):
    options = parse(arguments)
    chosen = pairs.chosen(cases(), options)

    def show(rows):
        return f"microseconds; median of {options.rounds} rounds, spread of their p50\n\n{pairs.table(rows)}", []

    return benchmark.run(options, PACKAGES, lambda scratch: pairs.measure(chosen, options, scratch), show, draw=draw)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
