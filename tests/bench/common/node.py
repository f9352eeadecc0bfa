"""A node that offers VServices: vsmgrd on a fresh state, and guests that policy lets use them."""

import os
import subprocess
import time

_STATE_DIRECTORY = "/run/bench/state"  # of this benchmark alone: see isolate.py
_RUN_DIRECTORY = "/run/bench/run"
_START_S_MAX = 15

_SERVICE = """apiVersion: vservices/v1
kind: Service
metadata: {{name: dns}}
spec:
  kind: dns
  parameters: {{nameservers: ["{nameserver}"]{parameters}}}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {{name: bench}}
spec:
  rules:
    - id: allow-all
      effect: allow
      message: The benchmark's guests.
      match: {{services: [dns]}}
"""

_GUEST = """---
apiVersion: vservices/v1
kind: Domain
metadata: {{name: guest{number}}}
spec: {{type: sandbox}}
---
apiVersion: vservices/v1
kind: Binding
metadata: {{name: guest{number}-dns}}
spec: {{domain: guest{number}, service: dns, device: dns}}
"""


class Node:
    """Starts vsmgrd of a build directory and declares guests 1 to `guests`; each is bound then."""

    def __init__(self, build, nameserver, guests, parameters="", policies=""):
        """`parameters` is more of the service's, in YAML; `policies` further documents."""
        programs = os.path.join(build, "bin")
        self._vsctl = [f"{programs}/vsctl", "--socket", f"{_RUN_DIRECTORY}/vsmgrd.sock"]
        os.makedirs(os.path.dirname(_STATE_DIRECTORY), exist_ok=True)
        directories = ["--state-dir", _STATE_DIRECTORY, "--run-dir", _RUN_DIRECTORY]
        self._vsmgrd = subprocess.Popen(
            [f"{programs}/vsmgrd", *directories, "--log-level", "warn"], stdin=subprocess.DEVNULL
        )
        self._wait_until_it_answers()
        declared = _SERVICE.format(nameserver=nameserver, parameters=parameters)
        declared += "".join(_GUEST.format(number=number) for number in range(1, guests + 1))
        self.apply(declared + policies)

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + _START_S_MAX
        ask = [*self._vsctl, "version"]
        while subprocess.run(ask, capture_output=True, check=False).returncode != 0:
            if self._vsmgrd.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"vsmgrd does not answer (exit {self._vsmgrd.poll()})")
            time.sleep(0.02)

    def apply(self, text):
        apply = [*self._vsctl, "apply", "-f", "-"]
        subprocess.run(apply, input=text.encode(), check=True, stdout=subprocess.DEVNULL)

    def command(self, number, command):
        """`command` as it runs in guest `number`."""
        return [*self._vsctl, "run", f"guest{number}", "--", *command]
