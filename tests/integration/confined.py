"""Runs a command under what a systemd unit says, as far as that can be had without systemd.

    confined.py UNIT -- COMMAND [ARGUMENT...]

Applied: CapabilityBoundingSet, NoNewPrivileges, UMask, SystemCallFilter, SystemCallErrorNumber, RestrictAddressFamilies,
MemoryDenyWriteExecute; of RestrictNamespaces and LockPersonality the calls that do nothing else. Mounts and cgroups are not.
"""

import ctypes
import errno
import os
import pathlib
import re
import subprocess
import sys

import seccomp

CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"]
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAP_LAST = 40
PROT_WRITE, PROT_EXEC = 2, 4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


def settings(unit):
    found = {}
    for line in pathlib.Path(unit).read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def members(name):
    """The system calls of a set of systemd's, those of the sets in it as well."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
    words = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(members(word) for word in words))


def allowed_calls(filters):
    allowed = set()
    for text in filters:
        calls = set().union(*(members(word) for word in text.lstrip("~").split()))
        allowed = allowed - calls if text.startswith("~") else allowed | calls
    return allowed


def system_call_filter(unit):
    refuse = seccomp.ERRNO(getattr(errno, unit["SystemCallErrorNumber"][0]))
    allowed = allowed_calls(unit["SystemCallFilter"])
    filter_ = seccomp.SyscallFilter(defaction=refuse)
    special = {"socket", "mmap", "mprotect", "pkey_mprotect", "unshare", "clone3", "setns", "personality"}
    for call in allowed - special:
        try:
            filter_.add_rule(seccomp.ALLOW, call)
        except (RuntimeError, OSError):
            pass  # of another machine
    filter_.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # as RestrictNamespaces does: its flags lie in memory
    for family in unit["RestrictAddressFamilies"][0].split():
        filter_.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, FAMILIES[family]))
    both = PROT_WRITE | PROT_EXEC
    for protection in (0, PROT_WRITE, PROT_EXEC):
        filter_.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, protection))
    for protection in (0, PROT_WRITE):
        filter_.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, both, protection))
    return filter_


def confine(unit):
    libc = ctypes.CDLL(None, use_errno=True)
    kept = {word.removeprefix("CAP_") for word in unit["CapabilityBoundingSet"][0].split()}
    for number in range(CAP_LAST + 1):
        name = CAPABILITIES[number] if number < len(CAPABILITIES) else None
        if name not in kept and libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"drop capability {number}")
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    os.umask(int(unit["UMask"][0], 8))
    filter_ = system_call_filter(unit)
    filter_.load()


if __name__ == "__main__":
    confine(settings(sys.argv[1]))
    os.execv(sys.argv[3], sys.argv[3:])
