"""Starts a load program in each guest, lets all begin at once, and takes what they measured.

The programs follow the conversation described in dns_load.c: "ready", one byte, "done", end of
file, then a number a line.
"""

import os
import subprocess

from common import cpu, results


def _expect(guest, word):
    line = guest.stdout.readline().strip()
    if line != word:
        raise RuntimeError(f"a guest said {line!r} instead of {word!r} (exit {guest.poll()})")


def _converse(guests, writer):
    """Returns all latencies and the CPU time spent meanwhile: by us, and by the machine."""
    for guest in guests:
        _expect(guest, "ready")
    before, machine_before = cpu.processes_ns(), cpu.machine_s()
    writer.write(b"g" * len(guests))
    for guest in guests:
        _expect(guest, "done")
    after, machine_after = cpu.processes_ns(), cpu.machine_s()
    writer.close()
    latencies_ns = [int(line) for guest in guests for line in guest.stdout]
    for guest in guests:
        if guest.wait() != 0:
            raise RuntimeError(f"a guest ended with {guest.returncode}")
    return latencies_ns, cpu.spent_ns(before, after), machine_after - machine_before


def measure(commands):
    """Runs each command as one guest, all at once, and returns the round's figures.

    They are those of results.summarise; "machine_us", the machine's CPU time for one operation; and
    whether other programs "disturbed" the round.
    """
    # One pipe for all guests: each takes one byte of it to start, and all see its end at once.
    reader_fd, writer_fd = os.pipe()
    guests = []
    with os.fdopen(reader_fd, "rb") as reader, os.fdopen(writer_fd, "wb", buffering=0) as writer:
        try:
            for command in commands:
                guests.append(
                    subprocess.Popen(command, stdin=reader, stdout=subprocess.PIPE, text=True)
                )
            latencies_ns, ours_ns, machine_s = _converse(guests, writer)
        finally:
            for guest in guests:
                if guest.poll() is None:
                    guest.kill()
                guest.wait()
                guest.stdout.close()
    return {
        **results.summarise(latencies_ns, ours_ns),
        "machine_us": round(machine_s * 1e6 / len(latencies_ns), 1),
        "disturbed": cpu.disturbed(ours_ns / 1e9, machine_s),
    }
