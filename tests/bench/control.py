"""The control plane: how fast it decides, answers, writes, starts and tells.

  policy.decide   one decision, by the number of rules
  api.get         GET of one object over the unix socket: while guests load the data plane; and beside
                  clients that hang half-way through a request
  api.write       a durable PUT, and beside it ...
  sqlite.commit   ... a bare SQLite commit with synchronous=FULL on the same file system
  apply, diff     of every binding in one file; list: `vsctl get bindings`
  start           from exec to the first answer, and until every binding is in force again
  scrape          GET /metrics; "stopped": with a backend that SIGSTOP holds
  rss             of vsmgrd with all of them declared: after the applies, and after a start
  events          to watchers that break off and resume; lost: numbers that one of them never saw

Milliseconds, but where a unit says otherwise. Ratios are of figures of this run.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

from common import control_goals, control_node, isolate, machine, nameserver, results, watchers

PACKAGES = ("libc6", "libsqlite3-0", "libcpprest2.10", "dnsmasq-base")
CASES = ("policy.decide", "api.get", "api.slow", "api.write", "apply", "start", "scrape", "rss", "events")
_RSS_SETTLES_S = 6
COLUMNS = ("case", "what", "unit", "p50", "p99", "max", "note")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh control",
        description=__doc__.split("\n", 1)[0],
        epilog="example: run.sh control --only api.get --only scrape --json control.json",
    )
    add = parser.add_argument
    add("--build", required=True, help=argparse.SUPPRESS)
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--only", action="append", choices=CASES, help="only this case; may be repeated")
    add("--domains", type=int, default=1000, help="declared (1000)")
    add("--bindings", type=int, default=10_000, help="declared (10000)")
    add("--gets", type=int, default=5000, help="of api.get (5000)")
    add("--slow", type=int, default=1000, help="clients that hang, of api.slow (1000)")
    add("--writes", type=int, default=400, help="of api.write and of sqlite.commit (400)")
    add("--rounds", type=int, default=5, help="of apply, diff, list, start and scrape (5)")
    add("--watchers", type=int, default=16, help="of events (16)")
    add("--events", type=int, default=50_000, help="to be told (50000)")
    options = parser.parse_args(arguments)
    options.only = options.only or list(CASES)
    return options


def row(case, what, seconds, unit="ms", note=""):
    """Figures of one case; `seconds` are single measurements."""
    ordered = sorted(1000 * one for one in seconds)
    digits = 3 if ordered[-1] < 10 else 1
    return {
        "case": case,
        "what": what,
        "unit": unit,
        "p50": round(results.percentile(ordered, 0.50), digits),
        "p99": round(results.percentile(ordered, 0.99), digits),
        "max": round(ordered[-1], digits),
        "note": note,
    }


def timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def decide(options):
    program = os.path.join(options.build, "bin", "bench_policy")
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    rows = []
    for line in done.stdout.splitlines():
        figures = json.loads(line)
        rows.append({**figures, "what": f"{figures['rules']} rules", "note": ""})
    return rows


def load(node, options):
    """Guests that ask for names all the time, until killed. They see the scratch directory, too."""
    program = shutil.copy(os.path.join(options.build, "bin", "dns_load"), options.scratch)
    guests = []
    for number in (1, 2):
        command = [program, "A", "1000000", "1", f"load{number}", nameserver.DOMAIN]
        guest = subprocess.Popen(node.run(number, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if guest.stdout.readline().strip() != "ready":
            raise RuntimeError(f"guest {number} does not get ready (exit {guest.poll()})")
        guest.stdin.write("go\n")
        guest.stdin.flush()
        guests.append(guest)
    return guests


def get(node, options):
    guests = load(node, options)
    client = node.client()
    name = node.binding(1)
    before = node.requests()
    seconds = [timed(lambda: client.get(f"/v1/bindings/{name}")) for _ in range(options.gets)]
    asked = node.requests_after(before) - before
    running = sum(guest.poll() is None for guest in guests)
    for guest in guests:
        guest.kill()
    if running != len(guests) or asked <= 0:
        raise RuntimeError(f"the data plane was not loaded: {running} guests, {asked} requests")
    return [row("api.get", "one binding", seconds, note=f"{asked:.0f} requests of guests meanwhile")]


_HALF = (b"GET /v1/bindings HT", b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", b"")


def slow(node, options):
    """Whoever hangs too long makes room for the next: they come anew all the time, as an attacker's would."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    client = node.client()
    name = node.binding(1)
    seconds, hanging = [], []
    for number in range(options.slow):
        link = socket.socket(socket.AF_UNIX)
        link.connect(node.socket)
        link.sendall(_HALF[number % len(_HALF)])
        hanging.append(link)
        seconds.append(timed(lambda: client.get(f"/v1/bindings/{name}")))
    seconds += [timed(lambda: client.get(f"/v1/bindings/{name}")) for _ in range(options.gets // 5)]
    for link in hanging:
        link.close()
    return [row("api.slow", f"one binding beside {options.slow} that hang", seconds)]


def write(node, options):
    """Turn by turn, so that both meet the same disk."""
    client = node.client()
    path = f"/v1/domains/{node.domain(1)}"
    ours, bare = [], []
    with sqlite3.connect(os.path.join(node.state, "bare.db"), isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE resource (name TEXT PRIMARY KEY, body TEXT)")
        for number in range(options.writes):
            body, tag = client.get_tagged(path)
            declared = {key: body[key] for key in ("apiVersion", "kind", "spec")}
            declared["metadata"] = {"name": body["metadata"]["name"], "labels": {"turn": f"t{number}"}}
            text = json.dumps(declared)
            ours.append(timed(lambda: client.put(path, text, tag)))
            bare.append(timed(lambda: database.execute("INSERT OR REPLACE INTO resource VALUES ('d', ?)", (text,))))
    database.close()
    return [row("api.write", "one domain", ours), row("sqlite.commit", "one row", bare)]


def apply(node, options):
    """Everything in one file; the other half of the rounds takes it away again."""
    applied, compared, listed = [], [], []
    for number in range(options.rounds):
        everything = node.documents(bindings=options.bindings, mark=f"r{number}")
        compared.append(timed(lambda: node.vsctl("diff", "-f", "-", text=everything, statuses=(1,))))
        applied.append(timed(lambda: node.vsctl("apply", "-f", "-", "--no-wait", text=everything)))
        listed.append(timed(lambda: node.vsctl("get", "bindings")))
        node.settle()
    return [
        row("apply", f"{options.bindings} bindings", applied),
        row("diff", f"{options.bindings} bindings", compared),
        row("list", f"{options.bindings} bindings", listed),
    ]


def start(node, options):
    serving, reconciled = [], []
    for _ in range(options.rounds):
        node.stop(signal.SIGTERM)
        begun = time.perf_counter()
        node.start()
        serving.append(time.perf_counter() - begun)
        node.wait_reconciled(options.bindings)
        reconciled.append(time.perf_counter() - begun)
    what = f"{options.bindings} bindings"
    return [row("start", f"serving, {what}", serving), row("start", f"reconciled, {what}", reconciled)]


def scrape(node, options):
    client = node.client()
    found = []
    for what in ("running", "stopped"):
        backend = node.backend_pid()
        if what == "stopped":
            os.kill(backend, signal.SIGSTOP)
        seconds = [timed(lambda: client.get_text("/metrics")) for _ in range(options.rounds * 4)]
        os.kill(backend, signal.SIGCONT)
        found.append(row("scrape", f"backend {what}", seconds))
    return found


def rss(node, options, when):
    """Settled: what a large request took goes back within seconds."""
    found = []
    deadline = time.monotonic() + _RSS_SETTLES_S
    while time.monotonic() < deadline:
        found.append(node.rss_bytes() / 2**20)
        time.sleep(0.2)
    figures = {"p50": round(found[-1], 1), "p99": round(max(found), 1), "max": round(node.rss_bytes_max() / 2**20, 1)}
    what = f"{options.domains} domains, {options.bindings} bindings, {when}"
    return [{"case": "rss", "what": what, "unit": "MiB", **figures, "note": "p50: settled; max: since the start"}]


def events(node, options):
    told = watchers.measure(node, options.watchers, options.events)
    return [
        {
            "case": "events",
            "what": f"{options.watchers} watchers, {told['resumes']} resumes",
            "unit": "events/s",
            "p50": round(told["median_rate"]),
            "p99": round(told["slowest_rate"]),
            "max": told["events"],
            "note": f"{told['lost']} lost, {told['double']} twice",
            "lost": told["lost"],
        }
    ]


def measure(options):
    rows = decide(options) if "policy.decide" in options.only else []
    if options.only == ["policy.decide"]:
        return rows
    nameserver.start()
    node = control_node.Node(options.build, f"127.0.0.1:{nameserver.PORT}", options.domains)
    try:
        if "api.get" in options.only:
            rows += get(node, options)
        if "api.slow" in options.only:
            rows += slow(node, options)
        if "api.write" in options.only:
            rows += write(node, options)
        if "apply" in options.only:
            rows += apply(node, options)
        elif set(options.only) & {"start", "scrape", "rss", "events"}:
            node.vsctl("apply", "-f", "-", "--no-wait", text=node.documents(bindings=options.bindings))
            node.settle()
        if "rss" in options.only:
            rows += rss(node, options, "after the applies")
        if "start" in options.only:
            rows += start(node, options)
            rows += rss(node, options, "after a start") if "rss" in options.only else []
        for case, work in (("scrape", scrape), ("events", events)):
            if case in options.only:
                rows += work(node, options)
    finally:
        node.stop(signal.SIGINT)
    return rows


def main(arguments):
    options = parse(arguments)
    block = machine.describe(PACKAGES)
    options.scratch = isolate.scratch_directory(options.build)
    rows = isolate.run(lambda: measure(options), options.scratch)
    if rows is None:
        return 1
    print(machine.heading(block) + "\n")
    print(results.table(rows, COLUMNS))
    print()
    print(results.table(control_goals.judge(rows), ("goal", "measured", "")))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": block, "results": rows}, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
