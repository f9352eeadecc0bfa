"""RouDi, the daemon that iceoryx's processes share, with memory pools for the benchmark's payloads."""

import os
import shutil
import subprocess
import time

_START_S_MAX = 10
_READY = "RouDi is ready for clients"
# Payload bytes -> chunks: a full queue of them, what is in use besides, and for the large ones no
# more memory than needed.
_POOLS = ((128, 1000), (1088, 600), (4160, 600), (65600, 600), (307264, 300), (4194368, 40))


def _configuration():
    pools = [f"[[segment.mempool]]\nsize = {size}\ncount = {count}\n" for size, count in _POOLS]
    return "[general]\nversion = 1\n\n[[segment]]\n" + "\n".join(pools)


class Roudi:
    """Runs it; to be started anew when a process that used it was killed: it may hold on to what that had."""

    def __init__(self, directory):
        self._directory = directory
        self._daemon = start(directory)

    def restart(self):
        self._daemon.kill()
        self._daemon.wait()
        self._daemon = start(self._directory)


def start(directory):
    program = shutil.which("iox-roudi")
    if program is None:
        raise RuntimeError("iox-roudi is missing: install iceoryx")
    configuration = os.path.join(directory, "roudi.toml")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(_configuration())
    log_path = os.path.join(directory, "roudi.log")
    with open(log_path, "w", encoding="ascii") as log:
        command = [program, "--monitoring-mode", "off", "--config-file", configuration]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + _START_S_MAX
    while True:
        with open(log_path, encoding="utf-8", errors="replace") as log:
            said = log.read()
        if _READY in said:
            return daemon
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"iox-roudi does not start (exit {daemon.poll()}):\n{said}")
        time.sleep(0.01)
