"""Guests with a network interface: a network namespace each, joined to a bridge in ours by veth."""

import os
import subprocess

NODE_ADDRESS = "10.77.0.1"
_GUEST_ADDRESS = "10.77.0.{}/24"
_BRIDGE = "bench0"


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def make_bridge():
    _ip("link", "add", _BRIDGE, "type", "bridge", "stp_state", "0")
    _ip("address", "add", NODE_ADDRESS + "/24", "dev", _BRIDGE)
    _ip("link", "set", _BRIDGE, "up")


def make_guest(number):
    """Makes guest `number` (from 1) and returns the name of its network namespace."""
    name, node_end = f"guest{number}", f"veth{number}"
    _ip("netns", "add", name)
    _ip("link", "add", node_end, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", node_end, "master", _BRIDGE, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    # No IPv6 address of its own: its neighbour discovery would be packets in the measurement.
    _ip("-n", name, "link", "set", "eth0", "addrgenmode", "none")
    _ip("-n", name, "address", "add", _GUEST_ADDRESS.format(10 + number), "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "route", "add", "default", "via", NODE_ADDRESS)
    return name


def _place_of(path):
    """What `path` leads to; below /run, which is ours, it is made when it is missing."""
    target = os.path.realpath(path)
    if not os.path.exists(target):
        if not target.startswith("/run/"):
            raise RuntimeError(f"{path}: missing, so that none of ours can take its place")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8"):
            pass
    return target


def with_files(files, command, namespace=None):
    """`command`, run in network namespace `namespace` with other files in the place of some.

    `files` maps each path to the file that is to be found there.
    """
    script, arguments = "", []
    for path, replacement in files.items():
        script += 'mount --bind "$1" "$2"; shift 2; '
        arguments += [replacement, _place_of(path)]
    script += 'exec "$@"'
    enter = ["ip", "netns", "exec", namespace] if namespace else []
    return [*enter, "unshare", "--mount", "sh", "-ec", script, "guest", *arguments, *command]
