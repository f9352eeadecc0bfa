"""What bound guests cost that ask for nothing.

Each guest is a program in `vsctl run` that has looked up a name, so that its session is open, and
then waits. Measured is the CPU time of vsbackend and vsmgrd from then on, to the nanosecond, and how
often their threads woke up. vsmgrd asks each backend for a sign of life every two seconds: that is
one wake-up of the control thread and one of each loop.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import time

from common import benchmark, cpu, nameserver, node, results

PACKAGES = ("libc6", "dnsmasq-base", "libc-ares2")
PROGRAMS = ("vsbackend", "vsmgrd")
COLUMNS = ("guests", "peer", "seconds", "cpu_percent", "wakeups_per_s")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh idle",
        description="CPU time of vsbackend and vsmgrd while bound guests ask for nothing.",
        epilog="example: run.sh idle --guests 100 --seconds 60 --json idle.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--guests", type=int, default=100, help="bound and idle (100)")
    add("--seconds", type=float, default=30, help="to watch (30)")
    return parser.parse_args(arguments)


def process_ids(name):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                if file.read().strip() == name:
                    found.append(int(entry))
        except OSError:
            continue  # it ended while we looked
    return found


def wakeups(process):
    """How often the threads of a process have slept so far."""
    total = 0
    for path in glob.glob(f"/proc/{process}/task/*/status"):
        with open(path, encoding="ascii") as file:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M)[1])
    return total


def measure(options, scratch):
    nameserver.start()
    program = shutil.copy(os.path.join(options.build, "bin", "dns_load"), scratch)
    bound = node.Node(options.build, f"127.0.0.1:{nameserver.PORT}", options.guests)
    guests = []
    for number in range(1, options.guests + 1):
        command = [program, "A", "1", "1", f"idle{number}", nameserver.DOMAIN]
        guests.append(
            subprocess.Popen(
                bound.command(number, command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for number, guest in enumerate(guests, 1):
        if guest.stdout.readline().strip() != "ready":
            raise RuntimeError(f"guest {number} does not get ready (exit {guest.poll()})")
        if sys.stderr.isatty():
            print(f"\r{number} of {options.guests} guests", end="", file=sys.stderr, flush=True)
    print(f"\n{options.guests} guests, {options.seconds:g} s to watch", file=sys.stderr, flush=True)
    watched = {name: process_ids(name) for name in PROGRAMS}
    if any(len(processes) != 1 for processes in watched.values()):
        raise RuntimeError(f"one of each was expected: {watched}")
    time.sleep(1)  # what connecting left to do
    slept = {name: wakeups(process) for name, (process,) in watched.items()}
    before, begun = cpu.processes_ns(), time.monotonic()
    time.sleep(options.seconds)
    after, seconds = cpu.processes_ns(), time.monotonic() - begun
    slept = {name: wakeups(process) - slept[name] for name, (process,) in watched.items()}
    for guest in guests:
        guest.kill()
    rows = []
    for name, (process,) in watched.items():
        used = after[process] - before[process]
        rows.append(
            {
                "case": "dns.idle",
                "peer": name,
                "guests": options.guests,
                "seconds": round(seconds, 1),
                "unit": "percent of a core",
                "cpu_percent": round(100 * used / 1e9 / seconds, 4),
                "wakeups_per_s": round(slept[name] / seconds, 2),
            }
        )
    return rows


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, PACKAGES, lambda scratch: measure(options, scratch),
                         lambda rows: (f"percent of one core\n\n{results.table(rows, COLUMNS)}", []))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
