"""Many moves of a domain to and fro between two nodes, one right after the other, while it asks and publishes: nothing lost, nothing wrong.

The nodes, the broker and the loads are those of `migration` (1,000 lookups and 10,000 at-least-once events a second, by the clock); what is
judged are not times but answers and events, all of them. Exit status 1 when one is wrong, missing or lost, or comes twice without a mark.

  moves.total   lookups asked, answered wrongly, not answered; events accepted, lost, told as missed, that came twice unmarked and marked
  moves.time    milliseconds: of a move, from the request to its end; without service, as the source says; between two answers
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time

import migration
from common import benchmark, nameserver, two_nodes

BINDINGS = 10
MOVES = 1000
SHOWN_EVERY = 100


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run.sh moves", description="Many moves between two nodes under load.",
                                     epilog="example: run.sh moves --moves 1000 --json moves.json")
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--moves", type=int, default=MOVES, help="to and fro (1000)")
    add("--seconds", type=int, default=3600, help="no move begins after that (3600)")
    add("--bindings", type=int, default=BINDINGS, metavar="N", help="4 to 256: half resolve names, half are of channels (10)")
    add("--events", type=int, default=migration.EVENTS_PER_MS, help="a millisecond (10)")
    options = parser.parse_args(arguments)
    if options.moves < 1 or not 4 <= options.bindings <= 256:
        parser.error("--moves from 1, --bindings from 4 to 256")
    return options


def move_all(nodes, count, seconds):
    """[(length, without service)] in milliseconds."""
    found = []
    end = time.monotonic() + seconds
    for number in range(count):
        if time.monotonic() > end:
            break
        here, there = nodes if number % 2 == 0 else nodes[::-1]
        _, begun, ended, told = two_nodes.move(here, there, "guest")
        two_nodes.wait_until(lambda here=here: here.ask("GET", "/v1/domains/guest")[0] == 404, "the domain to be gone here")
        found.append(((ended - begun) / 1e6, told["blackoutMs"]))
        if (number + 1) % SHOWN_EVERY == 0:
            print(f"{number + 1} moves", file=sys.stderr)
    return found


def measure(options, scratch):
    program = shutil.copy(f"{options.build}/bin/bench_migration", scratch)
    devices = migration.devices_of(options.bindings)
    with contextlib.ExitStack() as stack:
        resolver = nameserver.start(0, migration.addresses())
        stack.callback(resolver.kill)
        directory = tempfile.mkdtemp(prefix="bench-moves-", dir="/var/tmp")
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        nats = migration.start_nats(migration.NATS_PORT, directory, f'jetstream {{ store_dir: "{directory}/jetstream" }}\n')
        stack.callback(nats.kill)
        nodes = two_nodes.start(options.build, directory, f"127.0.0.1:{nameserver.PORT}", f"nats://127.0.0.1:{migration.NATS_PORT}")
        for node in nodes:
            stack.callback(node.end)
        nodes[0].apply(two_nodes.declare("guest", devices))
        two_nodes.wait_until(lambda: nodes[0].serves("guest", devices), "the guest to be served")
        loads = [migration.Load(nodes[0].command("guest", [program, "lookups", "devices", *migration.of_kind(devices, "dns")])),
                 migration.Load(nodes[0].command("guest", [program, "events", str(options.events), "devices",
                                                           *migration.of_kind(devices, "bus")]))]
        begun = time.monotonic()
        moves = move_all(nodes, options.moves, options.seconds)
        took = time.monotonic() - begun
        (looked_up, asked), (_, sent) = (load.end() for load in loads)
    answered = sorted(due + late for due, late in looked_up)
    pauses = [(after - before) / 1e6 for before, after in zip(answered, answered[1:])]
    times = {"a move": [length for length, _ in moves], "without service": [gap for _, gap in moves], "between answers": pauses}
    return [{"case": "moves.total", "moves": len(moves), "seconds": round(took), **dict(zip(("asked", "wrong", "missing"), asked)),
             **dict(zip(("accepted", "lost", "unmarked", "marked", "missed"), sent))},
            *({"case": "moves.time", "of": name, "unit": "ms", **migration.spread(values)} for name, values in times.items())]


def show(options, rows):
    total = rows[0]
    wrong = {name: total[name] for name in ("wrong", "missing", "lost", "missed", "unmarked")}
    goals = [{"goal": f"{what} in {total['moves']} moves", "to be": "0", "is": str(sum(wrong[one] for one in names)),
              "verdict": "missed" if any(wrong[one] for one in names) else "reached"}
             for what, names in (("lookups wrong or missing", ("wrong", "missing")), ("acknowledged events lost", ("lost", "missed")),
                                 ("events twice without a mark", ("unmarked",)))]
    text = f"{options.bindings} bindings, {options.events * 1000} events/s, 1000 lookups/s\n"
    return text + migration.results.tables_by_case(rows, "moves", ("total", "time"), ("case", "unit")), goals


def main(arguments):
    options = parse(arguments)
    judged = []

    def shown(rows):
        text, goals = show(options, rows)
        judged.extend(goals)
        return text, goals
    status = benchmark.run(options, migration.PACKAGES, lambda scratch: measure(options, scratch), shown)
    return status or int(any(goal["verdict"] == "missed" for goal in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
