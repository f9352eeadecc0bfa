"""What the control plane was built to reach; ratios are of figures of one run."""

_WRITE_TIMES = 2.0  # of a bare commit
_FLAT = 2.0


def _find(rows, case, what=""):
    return [row for row in rows if row["case"] == case and what in row["what"]]


def _goal(text, measured, reached):
    return {"goal": text, "measured": measured, "": "reached" if reached else "missed"}


def _below(rows, case, what, figure, limit, text):
    return [_goal(text, f"{row[figure]} {row['unit']}", row[figure] <= limit) for row in _find(rows, case, what)]


def _decisions(rows):
    found = _find(rows, "policy.decide")
    goals = [_goal(f"decision, {row['what']}: p99 under 5 us", f"{row['p99']} {row['unit']}", row["p99"] < 5) for row in found]
    if len(found) > 1:
        ratio = max(row["p99"] for row in found) / min(row["p99"] for row in found)
        goals.append(_goal("decision: flat within 2 x", f"{ratio:.2f}", ratio <= _FLAT))
    return goals


def _writes(rows):
    ours, bare = _find(rows, "api.write"), _find(rows, "sqlite.commit")
    if not ours or not bare:
        return []
    ratio = ours[0]["p99"] / bare[0]["p99"]
    return [
        *_below(rows, "api.write", "", "p99", 25, "durable write: p99 25 ms"),
        _goal("durable write: p99 2 x a bare commit's", f"{ratio:.2f}", ratio <= _WRITE_TIMES),
    ]


def _events(rows):
    goals = []
    for row in _find(rows, "events"):
        goals.append(_goal("events to the slowest watcher: 5000/s", f"{row['p99']}/s", row["p99"] >= 5000))
        goals.append(_goal("events lost: none", str(row["lost"]), row["lost"] == 0))
    return goals


def judge(rows):
    """One row a goal whose figures are there."""
    return [
        *_decisions(rows),
        *_below(rows, "api.get", "", "p99", 2, "GET of one object, data plane loaded: p99 2 ms"),
        *_below(rows, "api.slow", "", "p99", 10, "GET beside 1,000 clients that hang: p99 10 ms"),
        *_writes(rows),
        *_below(rows, "apply", "", "p50", 5000, "apply of all bindings: 5 s"),
        *_below(rows, "diff", "", "p50", 2000, "diff of the same: 2 s"),
        *_below(rows, "list", "", "p50", 300, "vsctl get bindings: 300 ms"),
        *_below(rows, "start", "serving", "p50", 250, "start: serving in 250 ms"),
        *_below(rows, "start", "reconciled", "p50", 2000, "start: reconciled in 2 s"),
        *_below(rows, "scrape", "running", "p99", 100, "/metrics: 100 ms"),
        *_below(rows, "scrape", "stopped", "p99", 100, "/metrics with a stopped backend: 100 ms"),
        *_below(rows, "rss", "applies", "p50", 64, "RSS after the applies: 64 MiB"),
        *_below(rows, "rss", "start", "p50", 64, "RSS after a start: 64 MiB"),
        *_events(rows),
    ]
