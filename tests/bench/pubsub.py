"""Publishing to many guests at once: the paper's Figures 6 and 7.

  pubsub.publish  bursts of at most 1,000 events (or 8 MiB); p50 is what an event cost the publisher until the node
                  (or broker) had accepted it, cpu_us the processor time that publisher and node (or broker)
                  spent on it, and subscriber_cpu_us what each subscriber spent
  pubsub.deliver  one event at a time: its age when a subscriber had it
  pubsub.stream   as publish, 512 events at a time where a peer takes several; events_per_s is what a
                  subscriber received
  filter.eval     what filters cost an event, in nanoseconds, in one process

The peers, each guest a process:

  vservices  libvservice, one backend process
  naive      NATS: each guest its own connection through its own veth from its own network namespace
  nats       the same over loopback
  mosquitto  MQTT over loopback, quality of service 0
  zeromq     XPUB and SUB over ipc://, without a limit of what waits; accepting an event is queueing it
  iceoryx    a publisher that waits for whoever is behind; subscribers read chunks where they lie
  cyclonedds its own ddsperf, over loopback: pub and sub, ping and pong (half of a round trip is shown as the age);
             what it does not tell is left out

vservices, way "broadcast": one ring that all subscribers read, who have equal rights; else copies up to 64 KiB, frames above.
limit.memcpy is a copy of the payload in private memory.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

from common import cpu, ddsperf, isolate, machine, network, plot, results, roudi

PACKAGES = ("libc6", "nats-server", "libnats3.4", "mosquitto", "libmosquitto1", "libzmq5", "iceoryx", "cyclonedds-tools")
PEERS = ("vservices", "naive", "nats", "mosquitto", "zeromq", "iceoryx", "cyclonedds")
GUESTS = (1, 2, 4, 8, 16, 32)
SIZES = (64, 4 << 10, 64 << 10, 300 << 10)
RINGS = tuple(size << 10 for size in (4, 8, 16, 32, 64, 128, 256))  # of the stream, as in the paper
DDS_GUESTS, DDS_SIZES = (1, 8), (64, 4 << 10)  # ddsperf needs seconds for each
BATCH = 512
EVENTS = 1000
RUN_S_MAX = 20
NATS_PORT, MQTT_PORT = 4222, 1883
_CLIENTS = {"naive": NATS_PORT, "nats": NATS_PORT, "mosquitto": MQTT_PORT}
FIGURES = {"publish": "p50", "deliver": "p50", "stream": "events_per_s"}
COLUMNS = ("case", "payload_bytes", "guests", "ring_bytes", "peer", "way", "p50", "spread", "p99", "cpu_us", "subscriber_cpu_us",
           "events_per_s", "missed")
COPY_MAX = 64 << 10


def cases():
    found = []
    for payload in SIZES:
        for guests in GUESTS:
            for name in ("publish", "deliver"):
                found += [{"case": name, "payload_bytes": payload, "guests": guests, "peer": peer} for peer in PEERS
                          if peer != "cyclonedds" or (guests in DDS_GUESTS and payload in DDS_SIZES)]
                if payload <= COPY_MAX:
                    found.append({"case": name, "payload_bytes": payload, "guests": guests, "peer": "vservices", "way": "broadcast"})
    found += [{"case": "stream", "payload_bytes": 64, "guests": 1, "peer": peer} for peer in PEERS]
    found += [{"case": "stream", "payload_bytes": 64, "guests": 1, "peer": "vservices", "ring_bytes": ring} for ring in RINGS]
    return found


def name_of(case):
    parts = (case[key] for key in ("case", "peer", "guests", "payload_bytes"))
    more = (str(case[key]) for key in ("ring_bytes", "way") if key in case)
    return "pubsub." + "/".join([*(str(part) for part in parts), *more])


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh pubsub",
        description="Publishing to many guests, beside what others make of the same machine.",
        epilog="example: run.sh pubsub --only '/8/4096$' --rounds 3 --json pubsub.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--plot", metavar="DIR", help="draw them into SVG files there")
    add("--rounds", type=int, default=3, help="of each case (3)")
    add("--seconds", type=float, default=0.3, help="to measure a case in a round (0.3)")
    add("--only", type=re.compile, metavar="REGEX", help="cases whose name is found by it: pubsub.CASE/PEER/GUESTS/BYTES")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def servers(scratch):
    """Brokers of the peers: their process ids by port."""
    config = os.path.join(scratch, "mosquitto.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"listener {MQTT_PORT} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\n")
    commands = {
        NATS_PORT: ["nats-server", "-a", "0.0.0.0", "-p", str(NATS_PORT)],
        MQTT_PORT: ["mosquitto", "-c", config],
    }
    started = {}
    try:
        for port, command in commands.items():
            started[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)  # a client that comes too early would only say so
        for port, process in started.items():
            if process.poll() is not None:
                raise RuntimeError(f"{commands[port][0]} does not run")
        yield {port: process.pid for port, process in started.items()}
    finally:
        for process in started.values():
            process.send_signal(signal.SIGKILL)
            process.wait()


def command_of(case, options, scratch, pids):
    words = {
        "peer": case["peer"],
        "case": case["case"],
        "guests": case["guests"],
        "payload": case["payload_bytes"],
        "events": EVENTS * 100 if case["case"] == "stream" else EVENTS,
        "batch": BATCH if case["case"] == "stream" else 32 if case["payload_bytes"] <= 4096 else 1,
        "ring": case.get("ring_bytes", 0),
        "seconds": options.seconds,
        "scratch": scratch,
    }
    if port := _CLIENTS.get(case["peer"]):
        words |= {"port": port, "server": pids[port]}
    if case["peer"] == "naive":
        words |= {"namespaces": 1, "address": network.NODE_ADDRESS}
    if case.get("way") == "broadcast":
        words["sharing"] = "equal"
    return [os.path.join(options.build, "bin", "bench_pubsub_one"), *(f"{key}={value}" for key, value in words.items())]


def run(case, options, scratch, pids):
    if case["peer"] == "cyclonedds":
        return ddsperf.run(case["case"], case["guests"], case["payload_bytes"])
    before, ours = cpu.machine_s(), os.times()
    done = subprocess.run(command_of(case, options, scratch, pids), capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
    figures = json.loads(done.stdout)
    ours_s = sum(os.times()[2:4]) - sum(ours[2:4])
    return {**figures, "disturbed": cpu.disturbed(ours_s, cpu.machine_s() - before)}


def summary(case, rounds):
    figure = FIGURES[case["case"]]
    middle = results.median_round(rounds, figure)
    row = {**case, "case": f"pubsub.{case['case']}", "unit": "us"}
    for key in ("p50", "p99", "max", "cpu_us", "subscriber_cpu_us", "events_per_s", "missed"):
        row[key] = None if middle[key] is None else round(middle[key], 0 if key == "events_per_s" else 3)
    row["rounds"] = [round(one[figure], 3) for one in rounds]
    row["disturbed"] = middle["disturbed"]
    return row


def measure(chosen, options, scratch):
    network.make_bridge()
    most = max((case["guests"] for case in chosen if case["peer"] == "naive"), default=0)
    for number in range(1, most + 2 if most else 1):
        network.make_guest(number)
    shared = roudi.Roudi(scratch) if any(case["peer"] == "iceoryx" for case in chosen) else None
    taken, failed = {name_of(case): [] for case in chosen}, set()
    with servers(scratch) as pids:
        for turn in range(1, options.rounds + 1):
            for case in chosen:
                name = name_of(case)
                if sys.stderr.isatty():
                    print(f"\r\033[Kround {turn} of {options.rounds}: {name}", end="", file=sys.stderr, flush=True)
                if name in failed:
                    continue
                try:
                    taken[name].append(run(case, options, scratch, pids))
                except (RuntimeError, subprocess.TimeoutExpired) as problem:
                    failed.add(name)
                    print(f"{name}: left out: {problem}", file=sys.stderr, flush=True)
                    if case["peer"] == "iceoryx":
                        shared.restart()
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return [summary(case, taken[name_of(case)]) for case in chosen if name_of(case) not in failed]


def copies(options):
    """What copying a payload costs, in microseconds, in private memory of one process."""
    rows = []
    for payload in SIZES:
        words = ("case=limit.memcpy", "wait=spin", "cores=same", f"payload={payload}", f"seconds={options.seconds}", "scratch=/tmp")
        done = subprocess.run([os.path.join(options.build, "bin", "limits"), *words], capture_output=True, text=True, check=True)
        (figures,) = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
        rows.append({"case": "limit.memcpy", "peer": "raw", "payload_bytes": payload, "unit": "us", "what": plot.size(payload), "disturbed": False} |
                    {key: round(figures[key], 4) for key in ("p50", "p99", "max", "cpu_us")})
    return rows


def filters(options):
    done = subprocess.run([os.path.join(options.build, "bin", "bench_filter")], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [{"case": "filter.eval", "peer": "vservices", "filters": one["filters"], "what": one["what"], "unit": "ns",
             "p50": round(one["ns"], 1), "p99": round(one["ns"], 1), "max": round(one["ns"], 1), "cpu_us": round(one["ns"] / 1000, 4),
             "disturbed": False} for one in found]


class Judge:
    """What was to be reached, as ratios inside this run."""

    def __init__(self, rows):
        self._rows = {(r["case"], r["peer"], r.get("guests"), r.get("payload_bytes"), r.get("way")): r for r in rows
                      if "ring_bytes" not in r}
        self._copies = {r["payload_bytes"]: r["cpu_us"] for r in rows if r["case"] == "limit.memcpy"}
        self._filters = {r["what"]: r["p50"] for r in rows if r["case"] == "filter.eval"}
        self.goals = []

    def _figure(self, case, peer, guests, payload, figure="p50", way=None):
        row = self._rows.get((f"pubsub.{case}", peer, guests, payload, way))
        return row and row[figure]

    def _goal(self, text, measured, reached):
        self.goals.append({"goal": text, "measured": measured, "": "" if reached is None else "reached" if reached else "missed"})

    def naive(self):
        for text, figure in (("publish", "cpu_us"), ("subscribe", "subscriber_cpu_us")):
            ours, theirs = (self._figure("publish", peer, 8, 4096, figure) for peer in ("vservices", "naive"))
            if ours and theirs:
                self._goal(f"{text}, 8 guests, 4 KiB: naive costs 5 times as much", f"{theirs / ours:.1f}", theirs >= 5 * ours)

    def stream(self):
        ours = self._figure("stream", "vservices", 1, 64, "events_per_s")
        if not ours:
            return
        self._goal("64 B, batched, one subscriber: 3 M/s", f"{ours / 1e6:.2f} M/s", ours >= 3e6)
        for peer, times in (("zeromq", 2), ("mosquitto", 10)):
            if theirs := self._figure("stream", peer, 1, 64, "events_per_s"):
                self._goal(f"64 B, batched: {times} times {peer}", f"{ours / theirs:.1f}", ours > times * theirs)

    def fan_out(self):
        for payload in SIZES:
            for way in ("broadcast", None):
                one, many = (self._figure("publish", "vservices", guests, payload, "cpu_us", way) for guests in (1, 32))
                if not one or not many:
                    continue
                each, name = (many - one) / 31, way or ("pool" if payload > COPY_MAX else "copy")
                text = f"{plot.size(payload)} by {name}: what each more of 32 subscribers costs publisher and node"
                if name == "copy":
                    copy = self._copies[payload]
                    self._goal(f"{text}: a copy and 10 %", f"{each:.2f} us, a copy {copy:.3f}", each <= 1.1 * copy)
                elif name == "pool":
                    copy = self._copies[64]
                    self._goal(f"{text}: 64 B", f"{each:.2f} us, a copy of 64 B {copy:.3f}", each <= 1.1 * copy)
                else:
                    self._goal(f"{plot.size(payload)} by broadcast: 32 subscribers cost what one costs, within 10 %", f"{many / one:.2f}", many <= 1.1 * one)

    def flat(self):
        for payload in SIZES:
            one, two = (self._figure("deliver", "vservices", guests, payload) for guests in (1, 2))
            if one and two:
                self._goal(f"{plot.size(payload)}: p50 of 2 subscribers, 1.2 times that of one", f"{two / one:.2f}", two <= 1.2 * one)

    def filters(self):
        limits = {"evaluated": 15, "1000, each of its own symbol": 1000, "1000, all of one quantity": 1000}
        for what, most in limits.items():
            if what in self._filters:
                self._goal(f"filters, {what}: {most} ns", f"{self._filters[what]:.1f} ns", self._filters[what] <= most)

    def judge(self):
        for part in (self.naive, self.stream, self.fan_out, self.flat, self.filters):
            part()
        return self.goals


def table(rows):
    shown = []
    for row in rows:
        if "rounds" not in row:
            shown.append({"case": row["case"], "peer": row["what"], "p50": row["p50"]})
            continue
        row = {key: "" if value is None else value for key, value in row.items()}
        shown.append({**row, "spread": f"{min(row['rounds']):g}-{max(row['rounds']):g}"})
    return results.table(shown, COLUMNS)


def draw(rows, directory):
    os.makedirs(directory, exist_ok=True)
    labels = {"pubsub.publish": "publisher's cost of an event, microseconds", "pubsub.deliver": "age on arrival, p50, microseconds"}
    for case, label in labels.items():
        for payload in SIZES:
            series = {}
            for row in rows:
                if (row["case"], row.get("payload_bytes")) == (case, payload) and row["p50"] is not None:
                    series.setdefault(row.get("way", row["peer"]), []).append((row["guests"], row["p50"]))
            if not series:
                continue
            with open(os.path.join(directory, f"{case}.{payload}.svg"), "w", encoding="utf-8") as file:
                file.write(plot.lines(f"{case}, {plot.size(payload)}", label, series, "subscribers", str))


def main(arguments):
    options = parse(arguments)
    chosen = [case for case in cases() if not options.only or options.only.search(name_of(case))]
    with_filters = not options.only or options.only.search("filter.eval")
    if not chosen and not with_filters:
        raise SystemExit("--only: no case is called so")
    block = machine.describe(PACKAGES)
    scratch = isolate.scratch_directory(options.build)
    in_one = [*copies(options), *(filters(options) if with_filters else [])]  # first: after isolate.run no process can be made
    rows = isolate.run(lambda: measure(chosen, options, scratch), scratch, ("/tmp",)) if chosen else []
    if rows is None:
        return 1
    rows += in_one
    text = f"median of {options.rounds} rounds, and their spread\n\n{table(rows)}"
    results.tell(options, block, machine.heading(block), text, Judge(rows).judge(), rows, draw)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
