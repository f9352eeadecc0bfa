"""What a figure was measured on."""

import os
import platform
import re
import subprocess


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return "absent"
    lines = done.stdout.decode().splitlines()
    return lines[0] if lines else "absent"


def _from_file(path, pattern):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def describe(packages):
    """The machine block: processor, kernel, distribution, versions of `packages` (Debian names)."""
    return {
        "cpu": _from_file("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in _from_file("/proc/cpuinfo", r"^flags\s*:\s*(.+)$").split(),
        "kernel": platform.release(),
        "distribution": _from_file("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)"?$'),
        "compiler": _first_line(["c++", "--version"]),
        "versions": {
            name: _first_line(["dpkg-query", "-W", "-f", "${Version}", name]) for name in packages
        },
    }


def heading(block):
    """What describe() found, in one line."""
    found = f"{block['cpu']}, {block['cores']} cores, Linux {block['kernel']}"
    return f"{found}, {block['distribution']}"
