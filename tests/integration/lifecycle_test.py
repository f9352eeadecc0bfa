"""vsmgrd under a service manager: what it says, when it says it, and how it starts, reloads and ends."""

import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import tempfile
import unittest

from node import BIN, PATIENCE_S, Node, NodeTest, wait_until


class Manager:
    """The service manager's end of NOTIFY_SOCKET; `name` begins with @ for an abstract one."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(PATIENCE_S)
        self.name = name

    def next(self, skip="WATCHDOG=1"):
        while (message := self.socket.recv(4096).decode()) == skip:
            pass
        return message

    def drain(self):
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4096):
                pass
        except BlockingIOError:
            pass
        self.socket.settimeout(PATIENCE_S)

    def close(self):
        self.socket.close()


class Managed(unittest.TestCase):
    watchdog_us = None

    def setUp(self):
        self.manager = Manager(f"@vs-lifecycle-{os.getpid()}-{self._testMethodName}")
        self.addCleanup(self.manager.close)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsl-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory])
        self.config = self.directory / "vsmgrd.conf"
        self.config.write_text("backend-loops = 1\n")
        environment = {"NOTIFY_SOCKET": self.manager.name}
        if self.watchdog_us:
            environment["WATCHDOG_USEC"] = str(self.watchdog_us)
        self.node = Node(manager_options=["--config", self.config], manager_environment=environment)
        self.addCleanup(self.node.close)

    def test_it_says_when_it_serves_and_when_it_ends(self):
        self.assertEqual(self.manager.next(), f"READY=1\nSTATUS=serving on {self.node.run_directory}/vsmgrd.sock")
        self.node.apply()
        self.node.manager.terminate()
        self.assertEqual(self.manager.next(), "STOPPING=1\nSTATUS=ending; the backends serve on")
        self.assertEqual(self.node.manager.wait(PATIENCE_S), 0)
        self.assertEqual(len(self.node.backend_pids()), 1)
        self.node.start_manager()
        self.assertTrue(self.manager.next().startswith("READY=1"))

    def test_no_backend_inherits_the_manager(self):
        self.node.apply()
        (pid,) = self.node.backend_pids()
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        for name in (b"NOTIFY_SOCKET", b"WATCHDOG_USEC"):
            self.assertNotIn(name, environment)

    def test_sighup_reads_the_file_again_and_a_wrong_file_changes_nothing(self):
        self.manager.next()
        self.node.manager_options = []
        for text, event in (("backend-loops = 1\n", "vsmgrd.reloaded"), ("no-such-option = 1\n", "vsmgrd.not_reloaded")):
            self.config.write_text(text)
            self.node.manager.send_signal(signal.SIGHUP)
            self.assertTrue(self.manager.next().startswith("RELOADING=1\nMONOTONIC_USEC="))
            self.assertTrue(self.manager.next().startswith("READY=1"))
            self.assertIn(event, self.node.log.read_text())
        self.assertEqual(self.node.vsctl("version").returncode, 0)


class Reload(unittest.TestCase):
    def test_sighup_changes_the_log_level(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="vsl-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", directory])
        config = directory / "vsmgrd.conf"
        config.write_text("log-level = error\n")
        log = directory / "log"
        run = directory / "run"
        with open(log, "wb") as file:
            vsmgrd = subprocess.Popen([BIN / "vsmgrd", "--config", config, "--state-dir", directory / "state", "--run-dir", run],
                                      stderr=file)
        self.addCleanup(vsmgrd.wait)
        self.addCleanup(vsmgrd.send_signal, signal.SIGINT)
        wait_until(lambda: (run / "vsmgrd.sock").exists(), "vsmgrd")
        self.assertEqual(log.read_text(), "")
        config.write_text("log-level = info\n")
        vsmgrd.send_signal(signal.SIGHUP)
        wait_until(lambda: "vsmgrd.reloaded" in log.read_text(), "the reload")


class Watched(Managed):
    watchdog_us = 400_000

    def test_the_watchdog_is_fed_while_all_is_well(self):
        self.manager.next()
        for _ in range(3):
            self.assertEqual(self.manager.next(skip=None), "WATCHDOG=1")

    def test_a_reconciler_that_does_not_get_on_starves_the_watchdog(self):
        self.node.apply()
        with sqlite3.connect(self.node.state / "vsmgrd.db", timeout=PATIENCE_S, isolation_level=None) as database:
            database.execute("BEGIN IMMEDIATE")  # what it observes cannot be written
            self.node.kill_backend()
            wait_until(lambda: "watchdog.withheld part=reconciler" in self.node.log.read_text(), "the watchdog")
            database.execute("ROLLBACK")
        database.close()
        self.manager.drain()
        self.assertEqual(self.manager.next(skip=None), "WATCHDOG=1")


class Restore(NodeTest):
    """A backup is put back while the daemon is away, and only then."""

    def restore(self, copy):
        return subprocess.run([BIN / "vsmgrd", "--state-dir", self.node.state, "--run-dir", self.node.run_directory, "--restore",
                               copy], capture_output=True, text=True)

    def test_what_was_declared_at_the_backup_is_declared_again(self):
        self.node.apply()
        copy = self.node.directory / "copy.db"
        with sqlite3.connect(self.node.state / "vsmgrd.db") as live, sqlite3.connect(copy) as into:
            live.backup(into)
        into.close()
        live.close()
        self.assertRan(self.node.vsctl("delete", "binding", "web2-dns"))
        in_use = self.restore(copy)
        self.assertEqual(in_use.returncode, 78, in_use.stderr)
        self.assertRan(self.node.vsctl("get", "binding", "web2-dns"), 3)

        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(PATIENCE_S), 0)
        garbage = self.node.directory / "garbage.db"
        garbage.write_bytes(b"no database at all" * 1000)
        refused = self.restore(garbage)
        self.assertEqual(refused.returncode, 78, refused.stderr)
        done = self.restore(copy)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.node.start_manager()
        self.assertRan(self.node.vsctl("get", "binding", "web2-dns"))
        self.assertIn("192.0.2.11", self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test")))


class CheckConfig(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsl-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory])

    def check(self, *options):
        return subprocess.run([BIN / "vsmgrd", "--check-config", "--state-dir", self.directory / "state", "--run-dir",
                               self.directory / "run", *options], capture_output=True, text=True)

    def test_a_node_that_could_start_is_told_so_and_nothing_is_made(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("could start", result.stdout)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_what_would_not_work_is_said_and_ends_with_78(self):
        wrong = self.directory / "vsmgrd.conf"
        wrong.write_text("log-level = loud\n")
        for options, words in ((["--config", wrong], "log-level"), (["--config", "/nowhere.conf"], "nowhere.conf"),
                               (["--no-such-option"], "no-such-option"),
                               (["--backend-program", self.directory], "--backend-program"),
                               (["--backend-user", "no-such-user"], "no user"), (["--backend-user", "1:x"], "UID:GID")):
            result = self.check(*options)
            self.assertEqual(result.returncode, 78, (options, result.stderr))
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main()
