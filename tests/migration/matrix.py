"""Phases of a handoff x what may befall it, on real processes. See matrix.sh.

For each cell two vsmgrd with backends of their own hand a domain over whose guest asks all the time. The handoff is brought into the phase
(phases.py), the fault put in (faults.py), and mended. Judged: at no instant did both nodes' backends have the domain's devices, did both
own its bindings, or did an epoch fall (watcher.py); whose answers the guest got, in which order, none wrong and none missing; a cancel
before the commit is followed and the guest served again, and refused after it; in the end one node serves, neither has anything open, and
the domain can be moved on.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import faults
import phases
from world import ADDRESSES, PATIENCE_S, World, wait_until

CANCEL_MS_MAX = 1000
FAULT_S = 2.5  # longer than the freeze's limit, and than what a message waits for its answer
ENDS = ("Done", "Cancelled", "GivenBack", "TakenBack")
CELLS = [f"{phase}/{party}/{how}" for phase in phases.PHASES for party in faults.PARTIES for how in faults.HOWS]
# Mended only when the source is in doubt, which is told loudly.
CELLS += ["commit/destination/kill/late", "commit/network/partition/late"]
# Each phase with each party once, and with each way at least twice.
SOME = [f"{phase}/{party}/{faults.HOWS[(row + column) % len(faults.HOWS)]}"
        for row, phase in enumerate(phases.PHASES) for column, party in enumerate(faults.PARTIES)]


def expected(phase, party, how):
    """How the source may say that it ended."""
    if phase == "confirm":
        return ("Done",)
    if phase not in phases.BEFORE_COMMIT:
        return ("Done", "TakenBack")
    at_source = how == "cancel" and party != "destination"
    if at_source or phase == "freeze" or (party in ("source", "source-disk") and how == "kill"):
        return ("Cancelled",)
    return ("Done", "Cancelled")


class Cell:
    def __init__(self, name, patient):
        self.patient = patient
        self.phase, self.party, self.how, *more = name.split("/")
        self.late = bool(more)
        self.wrong = []
        self.told = {"cell": name}

    def must(self, holds, what):
        if not holds:
            self.wrong.append(what)

    def run(self):
        begun = time.monotonic()
        world = World()
        try:
            self.tell_story(world)
        except (AssertionError, OSError, subprocess.SubprocessError) as problem:
            self.wrong.append(f"{type(problem).__name__}: {problem}")
        self.judge(world)
        logs = world.logs()
        self.wrong += world.close()
        self.told.update(wrong=self.wrong, s=round(time.monotonic() - begun, 1), logs=logs if self.wrong else "")
        return self.told

    def tell_story(self, world):
        identifier = phases.enter(world, self.phase)
        fault = faults.Fault(world, identifier, self.phase, self.party, self.how)
        self.told["put_at"] = time.monotonic_ns()
        fault.put()
        phases.let_go(world, self.phase, fault)
        self.judge_cancel(world, fault.was_said())
        self.wait_out(world, identifier)
        fault.mend()
        outcome = self.wait_for_end(world, identifier)
        self.told["outcome"] = outcome
        self.must(outcome in expected(self.phase, self.party, self.how), f"it ended {outcome}")
        here = "b" if outcome == "Done" else "a"
        world.asker.wait_for(ADDRESSES[here], f"answers of node {here}")
        self.told["served_at"] = time.monotonic_ns()
        self.move_on(world, here)

    def wait_out(self, world, identifier):
        """How long the fault lasts."""
        wanted = ("InDoubt",) if self.late else ENDS
        end = time.monotonic() + (PATIENCE_S if self.late else FAULT_S)
        while time.monotonic() < end and (world.a.record(identifier) or ("", ""))[1] not in wanted:
            time.sleep(0.02)
        if self.late:
            self.must(world.told("a", identifier).get("outcome") == "InDoubt", "the source is not in doubt")
            warnings = world.a.ask("GET", "/v1/warnings")[1]
            self.must("InDoubt" in json.dumps(warnings), "no warning tells of the doubt")

    def wait_for_end(self, world, identifier):
        def has_ended(node, unknown):
            return (node.record(identifier) or ("", unknown))[1] in ENDS
        wait_until(lambda: has_ended(world.a, "") and has_ended(world.b, "Done"), "the handoff to end on both nodes")
        return world.a.record(identifier)[1]

    def move_on(self, world, here):
        """To the other node; which may hold the domain ready for a while, if it could not be told that it is not to come."""
        there = "b" if here == "a" else "a"
        ends = []

        def moves():
            try:
                identifier = world.start(here)
            except AssertionError as problem:
                ends.append(str(problem))
                return False
            wait_until(lambda: (world.node(here).record(identifier) or ("", ""))[1] in ENDS, "another move to end")
            told = world.told(here, identifier)
            ends.append(f"{told['outcome']}: {told.get('reason')}")
            return told["outcome"] == "Done" or "moves already" not in ends[-1]
        wait_until(moves, "the domain to be movable")
        done = ends[-1].startswith("Done")
        self.must(done, f"another move ended {ends[-1]}")
        world.asker.wait_for(ADDRESSES[there if done else here], "answers after another move")
        self.told["owners"] = ["a"] + (["b"] if here == "b" else []) + ([there] if done else [])

    def judge_cancel(self, world, said):
        if said is None:
            return
        status, text, asked, answered = said
        if self.party == "destination":  # which takes a word once it knows of the handoff, and until it has accepted
            wanted = {"check": 404, "begin": 404, "prepare": 404, "finish": 409, "confirm": 409}.get(self.phase, 202)
            self.must(status == wanted, f"a cancel at the destination is answered {status}: {text}")
            return
        if self.phase not in phases.BEFORE_COMMIT:
            self.must(status == 409, f"a cancel after the commit is answered {status}: {text}")
            return
        too_late = self.phase == "freeze" and "ended already: Cancelled" in text  # by the freeze's own limit
        self.must(status == 202 or too_late, f"a cancel is answered {status}: {text}")
        wait_until(lambda: world.asker.first_after(answered), "an answer after the cancel")
        self.told["cancel_ms"] = (world.asker.first_after(answered) - asked) / 1e6

    def judge(self, world):
        answers = list(world.asker.answers)
        seen = [found for _, _, found in answers]
        self.wrong += sorted(set(world.watcher.wrong))
        letters = {address: letter for letter, address in ADDRESSES.items()}
        self.must(set(seen) <= {*letters, "-"}, f"wrong answers: {set(seen) - set(letters)}")
        may_miss = self.late or (self.party == "client" and self.how == "partition")
        self.told.update(answers=len(seen), missing=seen.count("-"), looks=world.watcher.looks)
        self.must(may_miss or "-" not in seen, f"{seen.count('-')} answers are missing")
        put_at, until = self.told.pop("put_at", 0), self.told.pop("served_at", 0)
        order = ["a"] + [letters.get(found) for _, answered, found in answers if found != "-" and answered > put_at]
        order = [one for at, one in enumerate(order) if at == 0 or one != order[at - 1]]
        if "owners" in self.told:
            self.must(order == self.told["owners"], f"answers came of {order}, owners were {self.told['owners']}")
        times = sorted(answered for _, answered, found in answers if found != "-")
        quiet = max((b - a for a, b in zip(times, times[1:]) if b < put_at), default=0) / 1e6
        gap = max((b - a for a, b in zip(times, times[1:]) if b >= put_at and a <= until), default=0) / 1e6
        self.told.update(gap_ms=round(gap), quiet_ms=round(quiet))
        if "cancel_ms" in self.told and not self.patient:  # what the machine kept it waiting before anything happened is not the cancel's
            self.must(self.told["cancel_ms"] <= CANCEL_MS_MAX + quiet, f"served {self.told['cancel_ms']:.0f} ms after the cancel")


def run_apart(name, patient):
    """In a process and namespaces of its own: whatever is left ends with it."""
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run([*apart, sys.executable, "-B", os.path.abspath(__file__), "--one", name, *(["--patient"] if patient else [])],
                          capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout.splitlines()[-1])
        told["logs"] += done.stderr
        return told
    except (IndexError, ValueError):
        return {"cell": name, "wrong": [f"it ended with {done.returncode}"], "logs": done.stdout + done.stderr}


def line_of(told):
    cancel = f"{told['cancel_ms'] / CANCEL_MS_MAX:.3f}" if "cancel_ms" in told else ""
    verdict = "FAILED" if told["wrong"] else "ok"
    return (f"{told['cell']:<36} {verdict:<7} {told.get('outcome', '-'):<10} {told.get('gap_ms', 0):>7} {cancel:>7} "
            f"{told.get('answers', 0):>8} {told.get('s', 0):>6}")


def run_all(names, jobs, patient, keep):
    begun = time.monotonic()
    failed = []
    print(f"{'cell':<36} {'':<7} {'ended':<10} {'gap ms':>7} {'cancel':>7} {'answers':>8} {'s':>6}")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for told in pool.map(run_apart, names, [patient] * len(names)):
            print(line_of(told), flush=True)
            if told["wrong"]:
                failed.append(told["cell"])
                print("".join(f"    {line}\n" for line in told["wrong"]), end="")
                if keep:
                    pathlib.Path(keep, told["cell"].replace("/", "-") + ".log").write_text(told.get("logs", ""), encoding="utf-8")
                else:
                    print(told.get("logs", ""))
    print(f"{len(names)} cells, {len(failed)} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(prog="matrix.sh", description="Phases of a handoff x what may befall it, on real processes.",
                                     epilog="example: matrix.sh --cells '^freeze/.*/cancel'")
    parser.add_argument("--cells", default="", metavar="REGEX", help="only these: PHASE/PARTY/WAY (all)")
    parser.add_argument("--some", action="store_true", help="a quarter of them: each phase with each party")
    parser.add_argument("--jobs", type=int, default=4, help="cells at a time (4)")
    parser.add_argument("--patient", action="store_true", help="a cancel may take longer than a second: the machine is busy")
    parser.add_argument("--logs", metavar="DIRECTORY", help="both nodes' logs of cells that fail go there, not to the output")
    parser.add_argument("--list", action="store_true", help="names the cells")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(Cell(options.one, options.patient).run()))
        return 0
    names = [name for name in (SOME if options.some else CELLS) if re.search(options.cells, name)]
    if options.list:
        print("\n".join(names))
        return 0
    if not names:
        parser.error("no such cell")
    return run_all(names, options.jobs, options.patient, options.logs)


if __name__ == "__main__":
    sys.exit(main())
