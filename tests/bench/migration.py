"""What a domain's way to another node costs its programs: 1,000 lookups and 10,000 events a second, by the clock, all the time.

Two vsmgrd, each with backends, state and a certificate of its own, hand a domain to and fro; a nats-server with JetStream is between them.

  migration.blackout  how much later than without a move the slowest request around a move was answered, and the slowest event
                      received; milliseconds, over all moves. Each counts from when it was due. Without a move: the median over windows
                      as long as a move, one before each.
  migration.phase     where the time between freeze and served goes, as the nodes' logs tell it (each with its time, to the
                      millisecond); "reported" is what GET /v1/migrations/ID says
  migration.naive     without VServices, from when a server is gone until the first answer of the other: glibc whose first
                      nameserver is out of reach (as of its resolv.conf), and a NATS client whose server is killed, with nats.c's
                      defaults. The same load. That glibc asks the first one again for each later lookup is left out.

With few bindings the pub/sub load is of a domain that stays. Events are of an at-least-once channel.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from common import benchmark, cpu, nameserver, network, results, two_nodes

PACKAGES = ("libc6", "dnsmasq-base", "nats-server", "libnats3.4")
BINDINGS = (1, 10, 100)
EVENTS_PER_MS = 10
NATS_PORT, OTHER_NATS_PORT = 14222, 14223
PAUSE_S = 1.2  # between two moves: longer than one
AFTER_S = 0.3  # what was late came by then, or comes after its window, to which it belongs by when it was due
NAIVE_S = {"timeout:1 attempts:2": 1.5, "": 5.5}  # resolv.conf's options -> how long it is looked at
NAIVE_NATS_S = 5
END_S_MAX = 90
STAYING = {"dns": "dns", "bus0": "bus", "bus1": "bus"}  # of a domain on each node that does not move
BLACKOUT_MS_GOAL, NAIVE_GOAL = 50, 20
PHASES = {  # name -> from (role, phase) to (role, phase)
    "freeze": (("source", "freeze"), ("source", "commit")),
    "let go": (("source", "commit"), ("destination", "finish")),
    "take": (("destination", "finish"), ("destination", "confirm")),
    "tell": (("destination", "confirm"), ("source", "confirm")),
}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run.sh migration", description="Blackouts of handoffs between two nodes.",
                                     epilog="example: run.sh migration --rounds 20 --bindings 100 --json migration.json")
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--rounds", type=int, default=40, help="moves of each number of bindings (40)")
    add("--bindings", type=int, nargs="+", default=BINDINGS, metavar="N", help="of the domain, 1 to 256 (1 10 100)")
    add("--events", type=int, default=EVENTS_PER_MS, help="a millisecond (10)")
    add("--naive-rounds", type=int, default=5, help="of each way without VServices; 0: none (5)")
    add("--keep", metavar="DIRECTORY", help="keep the nodes' state and logs there")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or any(not 1 <= number <= 256 for number in options.bindings):
        parser.error("--rounds from 1, --bindings from 1 to 256")
    return options


class Load:
    """A load program, told to end by the end of its input."""

    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{' '.join(command[-6:])}: exit {self._process.wait()}")

    def end(self):
        """[(due, late)] in nanoseconds, and the counts."""
        out, _ = self._process.communicate(timeout=END_S_MAX)
        lines = [[int(word) for word in line.split()] for line in out.splitlines()]
        if self._process.returncode != 0 or not lines:
            raise RuntimeError(f"a load program ended with {self._process.returncode}")
        return lines[:-1], lines[-1]


def slowest_ms(late, begun, ended):
    """Of what was due in that time."""
    return max((one / 1e6 for due, one in late if begun <= due < ended), default=0)


def spread(values):
    ordered = sorted(values)
    return {"p50": round(results.percentile(ordered, 0.50), 1), "p99": round(results.percentile(ordered, 0.99), 1),
            "max": round(ordered[-1], 1)}


def addresses():
    return [f"--host-record=h{number}.{nameserver.DOMAIN},198.51.100.{number}" for number in range(1, 201)]


def start_nats(port, directory, more=""):
    conf = os.path.join(directory, f"nats-{port}.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f'listen: "127.0.0.1:{port}"\n{more}')
    server = subprocess.Popen(["nats-server", "-c", conf], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    two_nodes.wait_until(lambda: f":{port:04X} " in open("/proc/net/tcp", encoding="ascii").read(), "nats-server")
    return server


def devices_of(bindings):
    """Half of them resolve names; two must be there that one can publish to the other."""
    return {f"d{number}": "dns" if number % 2 == 0 or bindings < 4 else "bus" for number in range(bindings)}


def of_kind(devices, service):
    return [name for name, kind in devices.items() if kind == service]


def phases_of(nodes, source, handoff):
    times = {}
    for node in nodes:
        role = "source" if node is source else "destination"
        times.update({(role, phase): at for phase, at in node.changes(handoff).items()})
    return {name: (times[to] - times[since]) * 1000 for name, (since, to) in PHASES.items()}


def run_moves(nodes, rounds):
    found = []
    for number in range(rounds):
        here, there = nodes if number % 2 == 0 else nodes[::-1]
        time.sleep(PAUSE_S)
        quiet_ended = time.monotonic_ns()
        handoff, begun, ended, told = two_nodes.move(here, there, "guest")
        time.sleep(AFTER_S)
        two_nodes.wait_until(lambda here=here: here.ask("GET", "/v1/domains/guest")[0] == 404, "the domain to be gone here")
        length = ended - begun + int(AFTER_S * 1e9)
        found.append({"move": (begun, begun + length), "quiet": (quiet_ended - length, quiet_ended), "reported": told["blackoutMs"],
                      "phases": phases_of(nodes, here, handoff)})
    time.sleep(PAUSE_S)
    return found


def measure_moves(options, program, bindings):
    devices = devices_of(bindings)
    buses = of_kind(devices, "bus")
    directory = options.keep and os.path.join(options.keep, str(bindings))
    with contextlib.ExitStack() as stack:
        if directory:
            os.makedirs(directory)
        else:  # on a disk, for handoffs wait for it
            directory = tempfile.mkdtemp(prefix="bench-migration-", dir="/var/tmp")
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        os.chmod(directory, 0o755)
        nats = start_nats(NATS_PORT, directory, f'jetstream {{ store_dir: "{directory}/jetstream" }}\n')
        stack.callback(nats.kill)
        nodes = two_nodes.start(options.build, directory, f"127.0.0.1:{nameserver.PORT}", f"nats://127.0.0.1:{NATS_PORT}")
        for node in nodes:
            stack.callback(node.end)
        nodes[0].apply(two_nodes.declare("guest", devices))
        two_nodes.wait_until(lambda: nodes[0].serves("guest", devices), "the guest to be served")
        for node in nodes:
            node.apply(two_nodes.declare(f"stay-{node.name}", STAYING))
            two_nodes.wait_until(lambda node=node: node.serves(f"stay-{node.name}", STAYING), "who stays to be served")
        events = f"{program} events {options.events} devices".split()
        loads = {"lookups": Load(nodes[0].command("guest", [program, "lookups", "devices", *of_kind(devices, "dns")])),
                 "events": Load(nodes[0].command("guest", [*events, *buses]) if buses else
                                nodes[0].command(f"stay-{nodes[0].name}", [*events, "bus0", "bus1"]))}
        before, ours, own = cpu.machine_s(), cpu.processes_ns(), sum(os.times()[:2])
        moves = run_moves(nodes, options.rounds)
        ours_s = cpu.spent_ns(ours, cpu.processes_ns()) / 1e9 + sum(os.times()[:2]) - own
        disturbed = cpu.disturbed(ours_s, cpu.machine_s() - before)
        ended = {name: load.end() for name, load in loads.items()}
    rows = []
    for name, (late, counts) in ended.items():
        without = sorted(slowest_ms(late, *one["quiet"]) for one in moves)
        middle = results.percentile(without, 0.5)
        around = [max(0, slowest_ms(late, *one["move"]) - middle) for one in moves]
        keys = ("asked", "wrong", "missing") if name == "lookups" else ("accepted", "lost", "unmarked", "marked", "missed")
        rows.append({"case": "migration.blackout", "peer": "vservices", "bindings": bindings, "of": name,
                     "moved": name == "lookups" or bool(buses), "unit": "ms", **spread(around),
                     "without": round(middle, 1), "without_max": round(without[-1], 1),
                     **dict(zip(keys, counts)), "disturbed": disturbed})
    for name in PHASES:
        rows.append({"case": "migration.phase", "peer": "vservices", "bindings": bindings, "of": name, "unit": "ms",
                     **spread([one["phases"][name] for one in moves]), "disturbed": disturbed})
    rows.append({"case": "migration.phase", "peer": "vservices", "bindings": bindings, "of": "reported", "unit": "ms",
                 **spread([one["reported"] for one in moves]), "disturbed": disturbed})
    return rows


def first_ms(answered, gone):
    if not answered:
        raise RuntimeError("no answer came after the first server had gone")
    return (min(answered) - gone) / 1e6


def naive_lookups(program, scratch, resolver_options, seconds):
    def write(name, text):
        path = os.path.join(scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    command = nameserver.command(0, addresses())
    servers = [subprocess.Popen(["ip", "netns", "exec", f"guest{number}", *command], stdin=subprocess.DEVNULL) for number in (1, 2)]
    time.sleep(0.5)
    resolv = write("resolv", f"nameserver 10.77.0.11\nnameserver 10.77.0.12\n{resolver_options and 'options ' + resolver_options}\n")
    files = {"/etc/resolv.conf": resolv, "/etc/nsswitch.conf": write("nsswitch", "hosts: dns\n")}
    load = Load(network.with_files(files, [program, "lookups", "glibc"]))
    time.sleep(1)
    subprocess.run(["ip", "link", "set", "veth1", "down"], check=True)  # nobody says that it is gone
    gone = time.monotonic_ns()
    time.sleep(seconds)
    late, _ = load.end()
    on_its_way = 2_000_000  # until then an answer may be the first server's
    waited = first_ms([due + one for due, one in late if due + one > gone + on_its_way], gone)
    for server in servers:
        server.kill()
        server.wait()
    subprocess.run(["ip", "link", "set", "veth1", "up"], check=True)
    return waited


def naive_events(program, scratch, count):
    servers = [start_nats(port, scratch) for port in (NATS_PORT, OTHER_NATS_PORT)]
    load = Load([program, "events", str(count), "nats", *(f"nats://127.0.0.1:{port}" for port in (NATS_PORT, OTHER_NATS_PORT))])
    time.sleep(1)
    servers[0].kill()
    gone = time.monotonic_ns()
    time.sleep(NAIVE_NATS_S)
    late, counts = load.end()
    waited = first_ms([due + one for due, one in late if due > gone and one > 0], gone)  # 0: none of these came
    for server in servers:
        server.kill()
        server.wait()
    return waited, counts[1]


def measure_naive(options, program, scratch):
    rows = []
    network.make_bridge()
    for number in (1, 2):
        network.make_guest(number)
    time.sleep(1)
    for resolver_options, seconds in NAIVE_S.items():
        waits = [naive_lookups(program, scratch, resolver_options, seconds) for _ in range(options.naive_rounds)]
        rows.append({"case": "migration.naive", "peer": "glibc " + (resolver_options or "timeout:5"), "of": "lookups", "unit": "ms",
                     **spread(waits), "disturbed": False})
    told = [naive_events(program, scratch, options.events) for _ in range(options.naive_rounds)]
    rows.append({"case": "migration.naive", "peer": "nats.c", "of": "events", "unit": "ms", **spread([wait for wait, _ in told]),
                 "lost": max(lost for _, lost in told), "disturbed": False})
    return rows


def measure(options, scratch):
    program = shutil.copy(os.path.join(options.build, "bin", "bench_migration"), scratch)
    resolver = nameserver.start(0, addresses())
    rows = []
    for bindings in options.bindings:
        rows += measure_moves(options, program, bindings)
    resolver.kill()
    resolver.wait()
    return rows + (measure_naive(options, program, scratch) if options.naive_rounds else [])


def verdicts(rows):
    judged = []

    def judge(what, goal, value, reached):
        judged.append({"goal": what, "to be": goal, "is": value, "verdict": "reached" if reached else "missed"})

    of_moves = [row for row in rows if row["case"] == "migration.blackout"]
    naive = {row["peer"]: row["p50"] for row in rows if row["case"] == "migration.naive"}
    for row in of_moves:
        if row["bindings"] != max(BINDINGS):
            continue
        what = f"{row['of']}, {row['bindings']} bindings"
        judge(f"{what}: p99 added", f"<= {BLACKOUT_MS_GOAL} ms", f"{row['p99']} ms", row["p99"] <= BLACKOUT_MS_GOAL)
        for peer, wait in naive.items():
            if peer.startswith("glibc") == (row["of"] == "lookups"):
                times = round(wait / max(row["p99"], 0.1), 1)
                judge(f"{what}: shorter than {peer}", f">= {NAIVE_GOAL} x", f"{times} x", times >= NAIVE_GOAL)
    bad = sum(row.get("wrong", 0) + row.get("missing", 0) for row in of_moves)
    judge("answers wrong or missing", "0", str(bad), bad == 0)
    lost = sum(row.get("lost", 0) + row.get("missed", 0) for row in of_moves)
    judge("acknowledged events lost", "0", str(lost), lost == 0)
    unmarked = sum(row.get("unmarked", 0) for row in of_moves)
    judge("events twice and not marked", "0", str(unmarked), unmarked == 0)
    return judged


def show(options, rows):
    text = f"milliseconds; {options.rounds} moves for each number of bindings, {options.events * 1000} events/s, 1000 lookups/s\n"
    return text + results.tables_by_case(rows, "migration", ("blackout", "phase", "naive"), ("case", "unit", "disturbed")), verdicts(rows)


def main(arguments):
    options = parse(arguments)
    return benchmark.run(options, PACKAGES, lambda scratch: measure(options, scratch), lambda rows: show(options, rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
