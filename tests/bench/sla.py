"""Whether promises are kept: a guaranteed guest beside best effort, and limits on rates.

  sla.promise  a guaranteed guest that asks one thing at a time, alone and beside four best-effort
               guests each of which wants the whole loop (4 x overload); microseconds. node_p99 is
               the backend's part, from seeing a request to its answer: what was promised. p50 and
               p99 are the guest's own, with its waiting for a core on a machine that has few.
  sla.limit    a flood with a rate: how far what it got is from its rate, in percent

The service costs 5 us of CPU time a request, so that serving is what is short. Cases take turns
within each round.
"""

import argparse
import sys

import sched as bench_sched
from common import benchmark, results

OVERLOAD = 4
OBJECTIVE_US = 1000
CALLS = 2000
PROMISE_GOAL = 2


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh sla",
        description="Guarantees under overload, and the limiter's error.",
        epilog="example: run.sh sla --rounds 3 --json sla.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--rounds", type=int, default=5, help="of each case (5)")
    add("--only", metavar="CASE", help="promise or limit")
    return parser.parse_args(arguments)


def cases():
    for flooders in (0, OVERLOAD):
        yield "promise", {"flooders": flooders, "objective_us": OBJECTIVE_US, "calls": CALLS}
    for case, values in bench_sched.cases():
        if case == "limit":
            yield case, values


def figures(case, values, told):
    if case == "limit":
        return bench_sched.figures(case, values, told)
    found = bench_sched.figures("victim", values, told)
    if values["flooders"]:  # what best effort got meanwhile, for each request of the guaranteed one
        found["flooded_each"] = round(sum(told["flooded"]) / told["node_requests"], 1)
    return found


def measure(options):
    chosen = [one for one in cases() if options.only in (None, one[0])]
    if not chosen:
        raise SystemExit(f"--only {options.only}: no such case")
    rounds = [[] for _ in chosen]
    for _ in range(options.rounds):
        for number, (case, values) in enumerate(chosen):
            told, disturbed = bench_sched.run(case, values, options)
            rounds[number].append({**figures(case, values, told), "disturbed": disturbed})
    rows = []
    for (case, values), taken in zip(chosen, rounds):
        key = "node_p99" if case == "promise" else "off_percent"
        ordered = sorted(taken, key=lambda one: abs(one[key]))
        row = {"case": f"sla.{case}", "peer": "vservices", **values, **ordered[len(ordered) // 2]}
        row["best"], row["worst"] = ordered[0][key], ordered[-1][key]
        rows.append(row)
    return rows


def verdicts(rows):
    judged = []

    def judge(what, unit, goal, value):
        judged.append({"goal": what, "at_most": f"{goal} {unit}", "is": f"{value} {unit}",
                       "verdict": "reached" if value <= goal else "missed"})

    promises = {row["flooders"]: row for row in rows if row["case"] == "sla.promise"}
    if len(promises) == 2:
        alone, beside = promises[0]["node_p99"], promises[OVERLOAD]["node_p99"]
        judge("guaranteed p99 at 4 x overload, its objective", "us", OBJECTIVE_US, beside)
        judge("guaranteed p99 at 4 x overload", "x alone", PROMISE_GOAL, round(beside / alone, 2))
    for row in rows:
        if row["case"] == "sla.limit":
            judge(f"limit of {row['rate']}/s, burst {row['burst']}", "% off",
                  bench_sched.LIMIT_GOAL_PERCENT, abs(row["off_percent"]))
    return judged


def show(options, rows):
    text = f"median of {options.rounds} rounds\n"
    text += results.tables_by_case(rows, "sla", ("promise", "limit"), ("peer", "disturbed", "seconds", "calls"))
    return text, verdicts(rows)


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, bench_sched.PACKAGES, lambda _: measure(options), lambda rows: show(options, rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
