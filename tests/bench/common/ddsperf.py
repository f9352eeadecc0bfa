"""Cyclone DDS's own benchmark, over loopback: what it tells of itself, as a figure of ours.

  publish, stream  pub and sub: events a second that subscribers had, and the processor time of each side for an event
  deliver          ping and pong: half of a round trip, of which the last second's median, p99 and largest are shown
"""

import os
import re
import subprocess
import time

_SECONDS = 2  # it tells once a second, and of the first one discovery is a part
_RUN_S_MAX = 20
_CONFIGURATION = (
    '<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    '<MaxAutoParticipantIndex>80</MaxAutoParticipantIndex><Peers><Peer address="localhost"/></Peers></Discovery>'
    "</Domain></CycloneDDS>"
)
_RECEIVED = re.compile(r"size \d+ total (\d+) lost (\d+) delta (\d+) lost \d+ rate ([0-9.]+) kS/s")
_PINGED = re.compile(r"size \d+ mean \S+ min \S+ 50% ([0-9.]+)us 90% \S+ 99% ([0-9.]+)us max ([0-9.]+)us cnt (\d+)")


def _start(*words):
    return subprocess.Popen(
        ["ddsperf", "-D", str(_SECONDS + 0.2), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CYCLONEDDS_URI": _CONFIGURATION},
    )


def _end(process):
    """What it said, and the processor time that it took."""
    timeout = time.monotonic() + _RUN_S_MAX
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or time.monotonic() > timeout:
        raise RuntimeError(f"ddsperf: exit {process.returncode}: {said.strip().splitlines()[-1:]}")
    return said, used.ru_utime + used.ru_stime


def _last(pattern, said):
    found = pattern.findall(said)
    if not found:
        raise RuntimeError(f"ddsperf told nothing: {said.strip().splitlines()[-1:]}")
    return found[-1]


def run(case, guests, payload_bytes):
    """One round's figures, as bench_pubsub_one tells them; None for what is not known."""
    deliver = case == "deliver"
    others = [_start("pong" if deliver else "sub") for _ in range(guests)]
    one = _start("ping" if deliver else "pub", "size", str(payload_bytes))
    said, cpu_s = _end(one)
    ended = [_end(process) for process in others]
    figures = {"subscriber_cpu_us": None, "disturbed": False}
    if deliver:
        p50, p99, largest, count = (float(word) for word in _last(_PINGED, said))
        return {**figures, "p50": p50, "p99": p99, "max": largest, "cpu_us": None, "events_per_s": count, "missed": 0}
    told = [tuple(float(word) for word in _last(_RECEIVED, text)) for text, _ in ended]
    rate = sum(kilo for *_, kilo in told) / guests * 1000
    received = sum(total for total, *_ in told)
    return {
        "p50": 1e6 / rate,
        "p99": None,
        "max": None,
        "cpu_us": cpu_s * 1e6 / (received / guests),
        "subscriber_cpu_us": sum(used for _, used in ended) * 1e6 / received,
        "events_per_s": rate,
        "missed": sum(lost for _, lost, *_ in told),
        "disturbed": False,
    }
