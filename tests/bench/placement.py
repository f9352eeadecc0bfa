"""What placement costs and what it matters.

  placement.plan   256 CPUs, 1,000 bindings: a plan from nothing, and the same again, in ms
  placement.cores  the paper's Table 3: a guest on the core of its loop against one on another, for
                   DNS lookups, publishing and subscribing (4 KiB events): microseconds each

A plan's goal is 50 ms. Cases of cores take turns within each round.
"""

import argparse
import json
import os
import subprocess
import sys

RUN_S_MAX = 300
PLAN_GOAL_MS = 50


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh placement",
        description="The plan of a large machine, and the same core against another.",
        epilog="example: run.sh placement --rounds 5 --json placement.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--rounds", type=int, default=5, help="of each case (5)")
    return parser.parse_args(arguments)


def run(options, *words):
    program = os.path.join(options.build, "bin", "bench_placement")
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def main(arguments):
    options = parse(arguments)
    plan = run(options, "plan")
    cores = run(options, "cores", str(options.rounds))
    print(f"plan of {plan['cpus']} CPUs, {plan['bindings']} bindings: "
          f"{plan['first_ms']} ms, again {plan['again_ms']} ms (goal {PLAN_GOAL_MS} ms)")
    print(f"{'':10} {'same core':>10} {'other core':>11} {'ratio':>6}   us each")
    for name, row in cores.items():
        ratio = row["same_us"] / row["other_us"]
        print(f"{name:10} {row['same_us']:10.2f} {row['other_us']:11.2f} {ratio:6.2f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"plan": plan, "cores": cores}, file, indent=2)
    return 0 if plan["first_ms"] <= PLAN_GOAL_MS and plan["moved"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
