"""CPU time of everything a benchmark runs.

Counted is the time that the scheduler gave to the tasks of all processes in this pid namespace but
this one, to the nanosecond (/proc/PID/task/TID/schedstat). Interrupts and network soft interrupts
that run inside such a task count as its time, as the kernel accounts them; those that hit an idle
processor, and kernel threads, do not. `machine_s` has these too, to hundredths of a second, and
with whatever else the machine did.
"""

import glob
import os
import time

_QUIET_SHARE_MAX = 0.06  # of all processors, while we do nothing
_QUIET_S = 0.5
_OTHERS_SHARE_MAX = 0.15  # kernel threads and interrupts alone are a few percent
_TICKS_UNCERTAIN = 2  # machine_s counts in ticks


def processes_ns():
    """Process id -> nanoseconds on a processor so far."""
    used = {}
    for path in glob.glob("/proc/[0-9]*/task/[0-9]*/schedstat"):
        process = int(path.split("/")[2])
        if process == os.getpid():
            continue
        try:
            with open(path, encoding="ascii") as file:
                used[process] = used.get(process, 0) + int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return used


def spent_ns(before, after):
    return sum(used - before.get(process, 0) for process, used in after.items())


def disturbed(ours_s, machine_total_s):
    """Whether other programs took so much that a measurement is not to be trusted."""
    others_s = machine_total_s - ours_s - _TICKS_UNCERTAIN / os.sysconf("SC_CLK_TCK")
    return others_s > _OTHERS_SHARE_MAX * machine_total_s


def wait_until_quiet(deadline):
    """Until other programs leave the machine alone, or time.monotonic() reaches `deadline`."""
    while time.monotonic() < deadline:
        before = machine_s()
        time.sleep(_QUIET_S)
        if machine_s() - before < _QUIET_SHARE_MAX * _QUIET_S * os.cpu_count():
            return


def machine_s():
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
