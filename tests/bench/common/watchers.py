"""Watchers of /v1/events that break off and resume, while changes are made as fast as they are taken."""

import multiprocessing
import socket
import statistics
import time

_RESUMES = 4  # of each watcher
_CHANGES = 1000  # of one apply
_SILENCE_S = 60


def _stream(path, since):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(_SILENCE_S)
    link.connect(path)
    link.sendall(
        f"GET /v1/events?since={since} HTTP/1.1\r\nHost: vsmgrd\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    return link


def _watch(path, since, wanted, ready, answer):
    """Takes events until `wanted` were seen; reports how many, how often, and when the last came."""
    seen, double, begun = set(), 0, None
    breaks = [wanted * part // (_RESUMES + 1) for part in range(1, _RESUMES + 1)]
    link = _stream(path, since)
    rest = b""
    ready.release()
    while len(seen) < wanted:
        piece = link.recv(1 << 16)
        if not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if not line.startswith(b"id:"):
                continue
            number = int(line[3:])
            begun = begun or time.monotonic()
            double += number in seen
            seen.add(number)
            since = max(since, number)
        if breaks and len(seen) >= breaks[0]:
            breaks.pop(0)
            link.close()
            link, rest = _stream(path, since), b""
    answer.put({"seen": len(seen), "double": double, "seconds": time.monotonic() - (begun or time.monotonic())})


def measure(node, watchers, events):
    client = node.client()
    since = client.get("/v1/nodes")["items"][0]["status"]["eventId"]
    ready, answer = multiprocessing.Semaphore(0), multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=_watch, args=(node.socket, since, events, ready, answer)) for _ in range(watchers)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    for turn in range(-(-events // _CHANGES)):
        node.vsctl("apply", "-f", "-", "--no-wait", text=node.documents(bindings=_CHANGES, mark=f"e{turn}"))
    told = [answer.get(timeout=_SILENCE_S * 4) for _ in processes]
    for process in processes:
        process.join()
    rates = [one["seen"] / max(one["seconds"], 1e-6) for one in told]
    return {
        "events": events,
        "resumes": _RESUMES,
        "lost": sum(events - min(one["seen"], events) for one in told),
        "double": sum(one["double"] for one in told),
        "median_rate": statistics.median(rates),
        "slowest_rate": min(rates),
    }
