"""What the ring was built to reach, as ratios of figures from one run.

A ratio is the median of the rounds' ratios: in a virtual machine the distance between
two cores changes now and then, and what is measured within a second mostly has the same.
"""

import statistics

_FLAT = 1.2


def _find(rows, case, peer, wait, cores, payload_bytes=64):
    for row in rows:
        place = (row["case"], row["peer"], row["wait"], row["cores"], row["payload_bytes"])
        if place == (case, peer, wait, cores, payload_bytes):
            return row
    return None


def _goal(text, measured, reached):
    return {"goal": text, "measured": measured, "": "reached" if reached else "missed"}


def _ratio(ours, other, figure):
    return statistics.median(one / two for one, two in zip(ours[figure], other[figure]))


def _at_most(text, ours, limit, times):
    if ours is None or limit is None:
        return []
    ratio = _ratio(ours, limit, "p50_rounds")
    return [_goal(text, f"{ratio:.2f}", ratio <= times)]


def _echo(rows):
    def echo(wait, cores):
        return _find(rows, "ring.echo", "vservices", wait, cores)

    line = _find(rows, "limit.cache_line", "raw", "spin", "two")
    same = _find(rows, "limit.eventfd", "raw", "block", "same")
    two = _find(rows, "limit.eventfd", "raw", "block", "two")
    return [
        *_at_most("64 B echo, spinning: 2.0 cache-line round trips", echo("spin", "two"), line, 2.0),
        *_at_most("64 B echo, blocking, one core: 1.25 eventfd", echo("block", "same"), same, 1.25),
        *_at_most("64 B echo, blocking, two cores: 1.1 eventfd", echo("block", "two"), two, 1.1),
    ]


def _stream(rows):
    ours = _find(rows, "ring.stream", "vservices", "spin", "two")
    zeromq = _find(rows, "ring.stream", "zeromq", "block", "two")
    found = []
    if ours is not None:
        rate = ours["messages_per_s"]
        found.append(_goal("64 B stream: 8 M messages/s", f"{rate / 1e6:.1f} M", rate >= 8e6))
        if zeromq is not None:
            ratio = _ratio(ours, zeromq, "messages_per_s_rounds")
            found.append(_goal("64 B stream: 5 times ZeroMQ's", f"{ratio:.1f}", ratio > 5))
    large = _find(rows, "ring.stream", "vservices", "spin", "two", 1 << 10)
    copying = _find(rows, "limit.memcpy", "raw", "spin", "same", 1 << 10)
    if large is not None and copying is not None:
        rate, share = large["bytes_per_s"], large["bytes_per_s"] / copying["bytes_per_s"]
        text = "1 KiB stream: 4 GB/s, or 60 % of memcpy"
        found.append(_goal(text, f"{rate / 1e9:.1f} GB/s", rate >= 4e9 or share >= 0.6))
    return found


def _frames(rows):
    def frame(peer, payload_bytes):
        return _find(rows, "frame.handoff", peer, "spin", "two", payload_bytes)

    small, large = frame("vservices", 300 << 10), frame("vservices", 4 << 20)
    found = _at_most("frame of 4 MiB: 1.2 times that of 300 KiB", large, small, _FLAT)
    for ours, text in ((small, "300 KiB"), (large, "4 MiB")):
        theirs = ours and frame("iceoryx", ours["payload_bytes"])
        found += _at_most(f"frame of {text}: at most iceoryx's", ours, theirs, 1.0)
    return found


def judge(rows):
    """One row a goal whose figures are there."""
    return [*_echo(rows), *_stream(rows), *_frames(rows)]
