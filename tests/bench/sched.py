"""How a backend shares itself between guests that want too much, and keeps to their limits.

  sched.share     guests that flood one loop: the furthest that one's share is from an equal one, in
                  percent, by the scheduler's own measure (service time and bytes)
  sched.victim    one guest that asks now and then, alone and beside a flood: microseconds; node_p99
                  is the backend's part of it, without the guest's own waiting for a core
  sched.limit     a flood with a rate: how far what it got is from its rate, in percent
  sched.sessions  sessions with rings of 32 KiB each way: what opening them took, and their memory

The service behind it costs 5 us of CPU time a request in the first two, so that serving is what is
short. Cases take turns within each round.
"""

import argparse
import json
import os
import subprocess
import sys

from common import benchmark, cpu, results

PACKAGES = ("libc6",)
RUN_S_MAX = 60
GUESTS = (2, 8, 32)
LIMITS = ((10, 1), (10, 100), (1000, 1), (10_000, 1), (100_000, 1), (100_000, 1000),
          (1_000_000, 1), (1_000_000, 10_000))  # a second, burst
SHARE_GOAL_PERCENT = 10
VICTIM_GOAL = 2
LIMIT_GOAL_PERCENT = 5
SESSIONS = 1000
SESSIONS_GOAL_MIB, SESSIONS_GOAL_S = 200, 2


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh sched",
        description="Fairness, isolation, limits and many sessions of one backend.",
        epilog="example: run.sh sched --rounds 3 --only victim --json sched.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--rounds", type=int, default=5, help="of each case (5)")
    add("--only", metavar="CASE", help="share, victim, limit or sessions")
    return parser.parse_args(arguments)


def cases():
    for guests in GUESTS:
        for mixed in (0, 1):
            yield "share", {"guests": guests, "mixed": mixed, "seconds": max(1, guests / 8)}
    for hostile, size in ((0, 64), (1, 64), (1, 3000)):
        yield "victim", {"hostile": hostile, "bytes": size, "calls": 2000}
    for rate, burst in LIMITS:
        yield "limit", {"rate": rate, "burst": burst, "seconds": max(1, 20 / rate)}
    yield "sessions", {"count": SESSIONS}


def run(case, values, options):
    program = os.path.join(options.build, "bin", "bench_sched")
    words = [program, case, *(f"{key}={value}" for key, value in values.items())]
    before, ours = cpu.machine_s(), os.times()
    done = subprocess.run(words, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words[1:])}: exit {done.returncode}: {done.stderr.strip()}")
    ours_s = sum(os.times()[2:4]) - sum(ours[2:4])
    return json.loads(done.stdout), cpu.disturbed(ours_s, cpu.machine_s() - before)


def figures(case, values, told):
    if case == "share":
        mean = sum(told["cpu_ms"]) / len(told["cpu_ms"])
        off = max(abs(share - mean) / mean for share in told["cpu_ms"])
        return {"off_percent": round(100 * off, 2), "requests_per_s": round(sum(told["per_s"]))}
    if case == "victim":
        ordered = sorted(told["latencies_ns"])
        middle, late = (results.percentile(ordered, part) / 1000 for part in (0.5, 0.99))
        return {
            "p50": round(middle, 1),
            "p99": round(late, 1),
            "max": round(ordered[-1] / 1000, 1),
            "node_p99": round(told["node_p99_us"], 1),
        }
    if case == "limit":
        off = told["per_s"] / values["rate"] - 1
        return {"off_percent": round(100 * off, 3), "per_s": round(told["per_s"], 1)}
    return {
        "seconds": round(told["seconds"], 3),
        "resident_mib": round(told["resident_bytes"] / 2**20, 1),
    }


# By what a case's rounds are ordered; the middle one is kept.
KEY = {"share": "off_percent", "victim": "p99", "limit": "off_percent", "sessions": "seconds"}


def measure(options):
    chosen = [one for one in cases() if options.only in (None, one[0])]
    if not chosen:
        raise SystemExit(f"--only {options.only}: no such case")
    rounds = [[] for _ in chosen]
    for turn in range(1, options.rounds + 1):
        for number, (case, values) in enumerate(chosen):
            if sys.stderr.isatty():
                print(f"\r\033[Kround {turn} of {options.rounds}: {case} {values}", end="",
                      file=sys.stderr, flush=True)
            told, disturbed = run(case, values, options)
            rounds[number].append({**figures(case, values, told), "disturbed": disturbed})
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    rows = []
    for (case, values), taken in zip(chosen, rounds):
        ordered = sorted(taken, key=lambda one: abs(one[KEY[case]]))
        row = {"case": f"sched.{case}", "peer": "vservices", **values, **ordered[len(ordered) // 2]}
        row["worst"] = max(one[KEY[case]] for one in taken) if case != "limit" else max(
            (one[KEY[case]] for one in taken), key=abs)
        row["best"] = ordered[0][KEY[case]]
        rows.append(row)
    return rows


def verdicts(rows):
    """(what, goal, reached, verdict) of each goal that was measured."""
    by_case = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    judged = []

    def judge(what, unit, goal, value):
        verdict = "reached" if value <= goal else "missed"
        judged.append({"goal": what, "at_most": f"{goal} {unit}", "is": f"{value} {unit}",
                       "verdict": verdict})

    for row in by_case.get("sched.share", []):
        kind = "different" if row["mixed"] else "equal"
        judge(f"share, {row['guests']} guests with {kind} requests", "% off", SHARE_GOAL_PERCENT,
              row["off_percent"])
    victims = by_case.get("sched.victim", [])
    alone = next((row["p99"] for row in victims if not row["hostile"]), None)
    for row in victims:
        if row["hostile"] and alone:
            judge(f"victim's p99 beside a flood of {row['bytes']} B", "x alone", VICTIM_GOAL,
                  round(row["p99"] / alone, 2))
    for row in by_case.get("sched.limit", []):
        judge(f"limit of {row['rate']}/s, burst {row['burst']}", "% off", LIMIT_GOAL_PERCENT,
              abs(row["off_percent"]))
    for row in by_case.get("sched.sessions", []):
        judge(f"{row['count']} sessions: memory", "MiB", SESSIONS_GOAL_MIB, row["resident_mib"])
        judge(f"{row['count']} sessions: opened in", "s", SESSIONS_GOAL_S, row["seconds"])
    return judged


def show(options, rows):
    def columns(case, row):
        return [key for key in row if key not in ("peer", "disturbed", "seconds") or (key == "seconds" and case == "sessions")]

    text = f"median of {options.rounds} rounds\n"
    for case in ("share", "victim", "limit", "sessions"):
        of_case = [row for row in rows if row["case"] == f"sched.{case}"]
        if of_case:
            text += f"\n{results.table(of_case, columns(case, of_case[0]))}\n"
    return text, verdicts(rows)


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, PACKAGES, lambda _: measure(options), lambda rows: show(options, rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
