"""What befalls a handoff: a party to it, and how. Each has a way to put it in, and one to mend it.

It is put in while the handoff is kept in its phase. Then that is let go, but for what the fault itself holds: `keeps_...`.
"""

import signal
import subprocess
import threading
import time

HOWS = ("kill", "stop", "partition", "cancel")
PARTIES = {
    "source": "its vsmgrd; partition: it is not heard",
    "destination": "the same",
    "client": "the guest's program; partition: its devices are out of its sight; cancel: while it is stopped",
    "network": "the relay between both; stop: all comes late; partition: all is lost; cancel: while all is lost",
    "source-backend": "its backends; partition: of their nameserver; cancel: right after they were killed",
    "destination-backend": "the same",
    "source-disk": "full, and vsmgrd is killed, stopped, not heard, or is told to cancel",
    "destination-disk": "the same; cancel: at the source",
}


class Fault:
    keeps_network = False   # its links are not to be opened
    keeps_source = False    # the source's vsmgrd is not to go on
    keeps_backends = False  # nor the destination's backends
    cancelled = None        # (status, text, asked at, answered at), once it was said

    def __init__(self, world, identifier, phase, party, how):
        self.world, self.identifier, self.phase, self.party, self.how = world, identifier, phase, party, how
        self.letter = "b" if party.startswith("destination") else "a"
        self.node = world.node(self.letter)
        self._saying = None

    def of(self, what):
        """put_disk of "source-disk", and so on."""
        return getattr(self, f"{what}_{self.party.split('-')[-1]}")

    def put(self):
        self.of("put")()

    def mend(self):
        self.of("mend")()
        if self.keeps_network:
            self.world.network.everywhere("pass")

    # A node's vsmgrd, and its disk.

    def put_vsmgrd(self, cancels_at):
        if self.how == "kill":
            self.node.kill_manager()
        if self.how == "stop":
            self.node.manager.send_signal(signal.SIGSTOP)
        if self.how == "partition":
            self.world.network.say("lose", self.letter)
        if self.how == "cancel":
            self.cancel(cancels_at)
        self.keeps_network = self.how == "partition"
        self.keeps_source = self.letter == "a" and self.how in ("kill", "stop")

    def mend_vsmgrd(self):
        if self.how == "kill":
            self.node.start_manager()
        if self.how == "stop":
            self.node.manager.send_signal(signal.SIGCONT)

    def put_source(self):
        self.put_vsmgrd("a")

    def put_destination(self):
        self.put_vsmgrd("b")

    mend_source = mend_destination = mend_vsmgrd

    def put_disk(self):
        self.node.fill_disk()
        self.put_vsmgrd("a")

    def mend_disk(self):
        self.mend_vsmgrd()
        self.node.empty_disk()

    # A node's backends.

    def put_backend(self):
        if self.how in ("kill", "cancel"):
            self.node.signal_backends(signal.SIGKILL)
        if self.how == "stop":
            self.node.signal_backends(signal.SIGSTOP)
        if self.how == "partition":
            self.node.nameserver.process.send_signal(signal.SIGSTOP)
        if self.how == "cancel":
            self.cancel("a")
        self.keeps_backends = self.letter == "b" and self.how == "stop"

    def mend_backend(self):
        if self.how == "stop":
            self.node.signal_backends(signal.SIGCONT)
        if self.how == "partition":
            self.node.nameserver.process.send_signal(signal.SIGCONT)

    # The guest.

    def in_its_mounts(self, *command):
        subprocess.run(["nsenter", f"--mount=/proc/{self.world.asker.pid()}/ns/mnt", *command], check=True)

    def put_client(self):
        if self.how == "kill":
            self.world.asker.kill()
        if self.how in ("stop", "cancel"):
            self.world.asker.signal(signal.SIGSTOP)
        if self.how == "partition":
            self.in_its_mounts("mount", "-t", "tmpfs", "none", "/run/vservice")
        if self.how == "cancel":
            self.cancel("a")
            self.world.asker.signal(signal.SIGCONT)

    def mend_client(self):
        if self.how == "kill":
            self.world.asker.begin()
        if self.how == "stop":
            self.world.asker.signal(signal.SIGCONT)
        if self.how == "partition":
            self.in_its_mounts("umount", "/run/vservice")

    # The network between the nodes.

    def put_network(self):
        self.keeps_network = True
        if self.how == "kill":
            self.world.network.kill()
        elif self.how == "stop":
            self.world.network.process.send_signal(signal.SIGSTOP)
        else:
            self.world.network.everywhere("lose")
        if self.how == "cancel":
            self.cancel("a")

    def mend_network(self):
        if self.how == "kill":
            self.world.network.start()
        if self.how == "stop":
            self.world.network.process.send_signal(signal.SIGCONT)

    # An operator. In `begin` the source stands still: the word waits for it.

    def cancel(self, letter):
        def say():
            asked = time.monotonic_ns()
            status, told = self.world.say(letter, self.identifier, "cancel")
            self.cancelled = (status, str(told), asked, time.monotonic_ns())
        self._saying = threading.Thread(target=say)
        self._saying.start()
        if self.phase != "begin":
            self._saying.join()

    def was_said(self):
        if self._saying:
            self._saying.join()
        return self.cancelled
