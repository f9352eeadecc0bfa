"""Runs a benchmark in namespaces of its own, so that whatever it makes ends with it.

Processes, network interfaces, mounts, and files below /run and in the scratch directory belong to
pid, network, mount and ipc namespaces made here. When the function returns, raises, or is killed
(even with SIGKILL), the kernel removes all of it.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import traceback

_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_PR_SET_PDEATHSIG = 1
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SCRATCH_CANDIDATES = ("/mnt", "/srv", "/opt", "/media")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(status, doing):
    if status != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{doing}: {os.strerror(error)}")


def _unshare(flags):
    _check(_libc.unshare(flags), "make namespaces (needs root)")


def _mount(source, target, kind, flags=0):
    kind_bytes = kind.encode() if kind else None
    status = _libc.mount(source.encode(), target.encode(), kind_bytes, flags, None)
    _check(status, f"mount {target}")


def scratch_directory(keep_visible):
    """A directory that guests see too; a tmpfs will lie over it, and not over `keep_visible`."""
    for candidate in _SCRATCH_CANDIDATES:
        covers = os.path.realpath(keep_visible).startswith(candidate + "/")
        if os.path.isdir(candidate) and not covers:
            return candidate
    raise RuntimeError(f"none of {', '.join(_SCRATCH_CANDIDATES)} can be used")


def _become_first_process(scratch, covered):
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _unshare(_CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWIPC)
    _mount("none", "/", None, _MS_REC_PRIVATE)
    _mount("proc", "/proc", "proc")
    for directory in ("/run", scratch, *covered):
        _mount("tmpfs", directory, "tmpfs")
        os.chmod(directory, 0o755)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _run_in_child(function, scratch, covered, result_fd):
    """Exit status of the child: 0 when the result is written."""
    try:
        for number in _ENDING_SIGNALS:
            signal.signal(number, lambda *_: sys.exit("interrupted"))
        _become_first_process(scratch, covered)
        result = function()
        with os.fdopen(result_fd, "w") as out:
            json.dump(result, out)
        return 0
    except (SystemExit, RuntimeError, OSError, subprocess.CalledProcessError) as problem:
        print(problem, file=sys.stderr)
    except BaseException:  # the last stop before the process ends: nothing may pass
        traceback.print_exc()
    return 1


def run(function, scratch, covered=()):
    """Calls `function` there and returns what it returns, which must be JSON.

    An empty tmpfs lies over the directories `covered`, too.
    None when it failed or was interrupted; what went wrong has been written to standard error.
    """
    reader, writer = os.pipe()
    _unshare(_CLONE_NEWPID)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = _run_in_child(function, scratch, covered, writer)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # first of its pid namespace: processes still running end with it
    os.close(writer)
    for number in _ENDING_SIGNALS:
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    with os.fdopen(reader) as source:
        text = source.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if os.waitstatus_to_exitcode(status) == 0 else None
