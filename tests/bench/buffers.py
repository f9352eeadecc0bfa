"""What the size of the rings and the way of waiting are worth, and what it costs to change them: the paper's Figure 7.

  buffers.stream   64-byte events, 512 at a time: p50 is what an event cost until the node had accepted it,
                   cpu_us the processor time of publisher and node for each, events_per_s what the subscriber had
  buffers.deliver  one event at a time: its age when the subscriber had it
  buffers.renew    as stream, while the rings of both guests are replaced by others, four times as large and
                   back, every 5 ms: p50 and p99 are the calls in which that happened

Each with rings of 4 to 256 KiB that wait in each way, and with rings and waiting left to the backend ("auto").
"""

import argparse
import json
import os
import re
import subprocess
import sys

from common import benchmark, cpu, plot, results

PACKAGES = ("libc6",)
RINGS = tuple(size << 10 for size in (4, 8, 16, 32, 64, 128, 256))
WAITS = ("adaptive", "block", "timer")
OBJECTIVES = {"stream": "throughput", "deliver": "latency"}  # that auto is told
FIGURES = {"stream": "events_per_s", "deliver": "p50", "renew": "pause_p99_us"}
RENEW_US = 5000
RENEW_S = 12  # for more than 1,000 of each guest
AUTO_S = 8    # the backend looks for a while before it changes anything, and shrinks slowly
RUN_S_MAX = 90
COLUMNS = ("case", "ring_bytes", "wait", "p50", "spread", "p99", "cpu_us", "events_per_s", "missed")


def cases():
    found = []
    for name, objective in OBJECTIVES.items():
        found += [{"case": name, "wait": wait, "ring_bytes": ring} for wait in WAITS for ring in RINGS]
        found.append({"case": name, "wait": "auto", "tune": objective})
    found.append({"case": "renew", "wait": "adaptive", "ring_bytes": 32 << 10})
    return found


def name_of(case):
    return f"buffers.{case['case']}/{case['wait']}/{case.get('ring_bytes', 'auto')}"


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh buffers",
        description="The size of rings, the way of waiting, and what changing them costs.",
        epilog="example: run.sh buffers --only 'stream/adaptive' --json buffers.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--plot", metavar="DIR", help="draw them into SVG files there")
    add("--rounds", type=int, default=3, help="of each case (3)")
    add("--seconds", type=float, default=0.5, help="to measure a case in a round (0.5)")
    add("--only", type=re.compile, metavar="REGEX", help="cases whose name is found by it: buffers.CASE/WAIT/BYTES")
    return parser.parse_args(arguments)


def command_of(case, options, scratch):
    name = case["case"]
    words = {
        "peer": "vservices",
        "case": "stream" if name == "renew" else name,
        "guests": 1,
        "payload": 64,
        "events": 1000 if name == "deliver" else 100_000,
        "batch": 1 if name == "deliver" else 512,
        "seconds": RENEW_S if name == "renew" else max(options.seconds, AUTO_S) if "tune" in case else options.seconds,
        "scratch": scratch,
    }
    if name == "renew":
        words |= {"renew_us": RENEW_US, "batch": 64}
    if "tune" in case:
        words |= {"tune": case["tune"], "settle": AUTO_S / 2}
    else:
        words |= {"wait": case["wait"], "ring": case["ring_bytes"]}
    return [os.path.join(options.build, "bin", "bench_pubsub_one"), *(f"{key}={value}" for key, value in words.items())]


def run(case, options, scratch):
    before, ours = cpu.machine_s(), os.times()
    done = subprocess.run(command_of(case, options, scratch), capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
    ours_s = sum(os.times()[2:4]) - sum(ours[2:4])
    return {**json.loads(done.stdout), "disturbed": cpu.disturbed(ours_s, cpu.machine_s() - before)}


def summary(case, rounds):
    figure = FIGURES[case["case"]]
    middle = results.median_round(rounds, figure)
    row = {**case, "case": f"buffers.{case['case']}", "peer": "vservices", "unit": "us"}
    for key in ("p50", "p99", "max", "cpu_us"):
        row[key] = round(middle[key], 3)
    if case["case"] == "renew":
        row |= {"p50": round(middle["pause_p50_us"]), "p99": round(middle["pause_p99_us"]), "renewals": middle["renewals"],
                "disordered": sum(one["disordered"] for one in rounds), "not_received": sum(one["not_received"] for one in rounds)}
    row["events_per_s"] = round(middle["events_per_s"])
    row["missed"] = sum(one["missed"] for one in rounds)
    row["rounds"] = [round(one[figure], 3) for one in rounds]
    row["disturbed"] = middle["disturbed"]
    return row


def measure(chosen, options, scratch):
    taken = {name_of(case): [] for case in chosen}
    for turn in range(1, options.rounds + 1):
        for case in chosen:
            if sys.stderr.isatty():
                print(f"\r\033[Kround {turn} of {options.rounds}: {name_of(case)}", end="", file=sys.stderr, flush=True)
            taken[name_of(case)].append(run(case, options, scratch))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return [summary(case, taken[name_of(case)]) for case in chosen]


def judge(rows):
    """What was to be reached, inside this run."""
    goals = []

    def goal(text, measured, reached):
        goals.append({"goal": text, "measured": measured, "": "reached" if reached else "missed"})

    for name, better in (("stream", max), ("deliver", min)):
        figure = FIGURES[name]
        fixed = [row[figure] for row in rows if row["case"] == f"buffers.{name}" and row["wait"] != "auto"]
        auto = [row[figure] for row in rows if row["case"] == f"buffers.{name}" and row["wait"] == "auto"]
        if fixed and auto:
            apart = auto[0] / better(fixed) if name == "deliver" else better(fixed) / auto[0]
            goal(f"{name}: auto within 15 % of the best of {len(fixed)} fixed settings", f"{100 * (apart - 1):+.0f} %", apart <= 1.15)
    for row in rows:
        if row["case"] == "buffers.renew":
            wrong = row["missed"] + row["disordered"] + row["not_received"]
            goal(f"{row['renewals']} renewals: no event lost, doubled or out of order", str(wrong), wrong == 0 and row["renewals"] >= 1000)
            goal("renewal: p99 under 2 ms", f"{row['p99'] / 1000:.2f} ms", row["p99"] < 2000)
    return goals


def table(rows):
    shown = [{**row, "ring_bytes": row.get("ring_bytes", ""), "spread": f"{min(row['rounds']):g}-{max(row['rounds']):g}"} for row in rows]
    return results.table(shown, COLUMNS)


def draw(rows, directory):
    os.makedirs(directory, exist_ok=True)
    labels = {"stream": ("cost of an event, microseconds", "p50"), "deliver": ("age on arrival, p50, microseconds", "p50")}
    for name, (label, figure) in labels.items():
        series = {}
        for row in rows:
            if row["case"] == f"buffers.{name}" and "ring_bytes" in row:
                series.setdefault(row["wait"], []).append((row["ring_bytes"], row[figure]))
        if series:
            with open(os.path.join(directory, f"buffers.{name}.svg"), "w", encoding="utf-8") as file:
                file.write(plot.lines(f"buffers.{name}", label, series, "rings"))


def main(arguments):
    options = parse(arguments)
    chosen = [case for case in cases() if not options.only or options.only.search(name_of(case))]
    if not chosen:
        raise SystemExit("--only: no case is called so")

    def show(rows):
        return f"median of {options.rounds} rounds, and their spread\n\n{table(rows)}", judge(rows)

    return benchmark.run(options, PACKAGES, lambda scratch: measure(chosen, options, scratch), show, covered=("/tmp",), draw=draw)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
