"""Runs the programs of ring/, each of which measures one case between two processes.

A case is a dict with "case", "peer", "wait", "cores" and "payload_bytes". Cases take turns within
each round, in the order given, so that what else happens on the machine meets all of them; of each
the round with the median p50 is kept whole (of streams: with the median rate), with the p50 and the
rate of all rounds in their order.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

from common import cpu, results

_RUN_S_MAX = 15  # a pair ends itself after 10
COLUMNS = ("case", "payload_bytes", "cores", "wait", "peer", "p50", "spread", "p99", "max", "cpu_us")
_RATES = ("messages_per_s", "bytes_per_s")
_DIGITS = 3


def add_options(add, seconds):
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--plot", metavar="DIR", help="draw them into SVG files there")
    add("--rounds", type=int, default=5, help="of each case (5)")
    add("--seconds", type=float, default=seconds, help=f"to measure a case in a round ({seconds})")
    add("--wait", type=float, default=0, metavar="S", help="for a quiet machine, a round (0)")
    add(
        "--only",
        type=re.compile,
        metavar="REGEX",
        help="cases whose name is found by it: CASE/PEER/WAIT/CORES/BYTES",
    )


def name_of(case):
    parts = (case[key] for key in ("case", "peer", "wait", "cores", "payload_bytes"))
    return "/".join(str(part) for part in parts)


def chosen(cases, options):
    kept = [case for case in cases if not options.only or options.only.search(name_of(case))]
    if not kept:
        raise SystemExit("--only: no case is called so")
    return kept


def _program(case):
    return "limits" if case["case"].startswith("limit.") else f"ring_{case['peer']}"


def _command(case, options, scratch):
    words = {
        "case": case["case"],
        "wait": case["wait"],
        "cores": case["cores"],
        "payload": case["payload_bytes"],
        "seconds": options.seconds,
        "scratch": scratch,
    }
    program = os.path.join(options.build, "bin", _program(case))
    return [program, *(f"{key}={value}" for key, value in words.items())]


class _Failed(Exception):
    """A pair that hung, or did not do what it should."""


def _run(case, options, scratch):
    machine_before, ours_before = cpu.machine_s(), os.times()
    try:
        done = subprocess.run(
            _command(case, options, scratch),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise _Failed("hangs") from late
    ours_after = os.times()
    figures = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or len(figures) != 1:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise _Failed(f"exit {done.returncode}: {said[-1] if said else 'said nothing'}")
    ours_s = sum(ours_after[2:4]) - sum(ours_before[2:4])
    disturbed = cpu.disturbed(ours_s, cpu.machine_s() - machine_before)
    return {**json.loads(figures[0]), "disturbed": disturbed}


def _run_undisturbed(case, options, scratch, deadline):
    """Once more, when the machine is quiet, if other programs were at work and there is time."""
    while True:
        figures = _run(case, options, scratch)
        if not figures["disturbed"] or time.monotonic() >= deadline:
            return figures
        cpu.wait_until_quiet(deadline)


def _summary(case, rounds):
    by = "messages_per_s" if case["case"] == "ring.stream" else "p50"
    figures = results.median_round(rounds, by)
    middles = [round(one["p50"], _DIGITS) for one in rounds]
    row = {**case, "unit": "us"}
    for key in ("p50", "p99", "max"):
        row[key] = round(figures[key], _DIGITS)
    row["p50_rounds"] = middles
    row["messages_per_s_rounds"] = [round(one["messages_per_s"]) for one in rounds]
    row["cpu_us"] = round(figures["cpu_us"], _DIGITS)
    for key in _RATES:
        row[key] = round(figures[key])
    row["disturbed"] = figures["disturbed"]
    return row


def measure(cases, options, scratch):
    """One row a case, without those that failed: of these it tells on standard error."""
    taken = {name_of(case): [] for case in cases}
    failed = set()
    begun, done = time.monotonic(), 0
    for turn in range(1, options.rounds + 1):
        deadline = time.monotonic() + options.wait
        for case in cases:
            done += 1
            if name_of(case) in failed:
                continue
            try:
                taken[name_of(case)].append(_run_undisturbed(case, options, scratch, deadline))
            except _Failed as problem:
                failed.add(name_of(case))
                print(f"{name_of(case)}: left out: {problem}", file=sys.stderr, flush=True)
            if sys.stderr.isatty():
                left_s = (time.monotonic() - begun) / done * (options.rounds * len(cases) - done)
                at = f"round {turn} of {options.rounds}, {left_s:.0f} s to go: {name_of(case)}"
                print(f"\r\033[K{at}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    kept = [case for case in cases if name_of(case) not in failed]
    if not kept:
        raise RuntimeError("nothing could be measured")
    return [_summary(case, taken[name_of(case)]) for case in kept]


def _rate(number):
    for divisor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= divisor:
            return f"{number / divisor:.3g} {unit}"
    return f"{number:.0f}"


def table(rows, rates=False):
    shown = []
    for row in rows:
        spread = f"{min(row['p50_rounds']):.6g}-{max(row['p50_rounds']):.6g}"
        kept = {key: row[key] for key in COLUMNS if key in row}
        shown.append({**kept, "spread": spread, **{key: _rate(row[key]) for key in _RATES}})
    return results.table(shown, (*COLUMNS, *_RATES) if rates else COLUMNS)
