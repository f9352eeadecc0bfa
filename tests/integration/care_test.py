"""What keeps a node in order, by vsctl against a real daemon: events, operations, warnings, doctor, backup, audit, metrics."""

import contextlib
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

from node import BIN, PATIENCE_S, POLICY, SharedNodeTest, domain, wait_until
from rest import Rest

JOBS_MAX = 8  # kJobsMax of vsmgrd/api/jobs.h


class Care(SharedNodeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.apply()
        cls.rest = Rest(cls.node.run_directory / "vsmgrd.sock")

    def json(self, *arguments, status=0):
        return json.loads(self.assertRan(self.node.vsctl(*arguments, "-o", "json"), status))

    def apply(self, text):
        return self.assertRan(self.node.vsctl("apply", "-f", "-", text=text))

    @contextlib.contextmanager
    def database(self):
        """The daemon's database while the daemon is away."""
        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(PATIENCE_S), 0)
        with contextlib.closing(sqlite3.connect(self.node.state / "vsmgrd.db")) as database:
            yield database
            database.commit()
        self.node.start_manager()

    def follow(self, *arguments):
        """A vsctl that goes on, and its lines as they come."""
        process = self.node.popen(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, PATIENCE_S)
        self.addCleanup(process.kill)
        return process, map(json.loads, process.stdout)


class Following(Care):
    def test_events_tell_what_happened_and_who_did_it(self):
        self.apply(domain("event1", tier="web"))
        listed = [json.loads(line) for line in self.assertRan(
            self.node.vsctl("events", "-o", "json", "--filter", "name eq 'event1'")).splitlines()]
        created = listed[0]
        self.assertEqual((created["type"], created["kind"], created["actor"]["principal"]), ("domain.created", "Domain", "uid:0"))
        later = self.assertRan(self.node.vsctl("events", "--since", str(created["id"]), "-o", "json"))
        self.assertNotIn(created["id"], [json.loads(line)["id"] for line in later.splitlines()])
        self.assertIn("domain.created", self.assertRan(self.node.vsctl("events", "-l", "tier=web")))

    def test_events_can_be_followed_over_a_restart_of_the_daemon(self):
        since = self.rest.get("/v1/domains?limit=1").json["metadata"]["eventId"]
        process, lines = self.follow("events", "--follow", "--since", str(since), "--filter", "kind eq 'Domain'", "-o", "json")
        self.apply(domain("follow1"))
        first = next(line for line in lines if line["name"] == "follow1")
        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(PATIENCE_S), 0)
        self.node.start_manager()
        self.apply(domain("follow2"))
        later = next(line for line in lines if line["name"] == "follow2")
        self.assertGreater(later["id"], first["id"])
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(PATIENCE_S), (130, -signal.SIGINT))

    def test_watch_lists_and_then_tells_every_change_and_every_end(self):
        self.apply(domain("watch1", watched="yes"))
        _, lines = self.follow("watch", "domains", "-l", "watched=yes", "-o", "json")
        self.assertEqual(next(lines)["metadata"]["name"], "watch1")
        self.apply(domain("watch2", watched="yes"))
        self.assertEqual(next(line for line in lines if line["metadata"]["name"] == "watch2")["spec"]["type"], "sandbox")
        self.apply(domain("watch2", watched="yes", more="labels"))
        next(line for line in lines if line["metadata"].get("labels", {}).get("more") == "labels")
        self.assertRan(self.node.vsctl("delete", "domain", "watch2"))
        gone = next(line for line in lines if line.get("deleted"))
        self.assertEqual(gone["metadata"]["name"], "watch2")

    def test_top_once_is_a_row_for_each_binding_that_is_served(self):
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        wait_until(lambda: self.node.metric("vservices_requests_total", domain="web1") > 0, "requests")
        table = self.assertRan(self.node.vsctl("top", "--once", "--interval", "50ms")).splitlines()
        self.assertEqual(table[0].split(), ["DOMAIN", "SERVICE", "REQ/S", "P50", "P99", "FAILED/S", "WAITING", "SESSIONS", "REFUSED", "BUDGET"])
        self.assertEqual([row.split()[:2] for row in table[1:] if row.startswith("web1 ")], [["web1", "dns"]])

    def test_metrics_of_a_prefix_are_what_prometheus_reads_and_none_is_1(self):
        text = self.assertRan(self.node.vsctl("metrics", "vservices_objects"))
        names = {re.match(r"(?:# (?:HELP|TYPE) )?(\w+)", line)[1] for line in text.splitlines()}
        self.assertEqual(names, {"vservices_objects", "vservices_objects_behind"})
        (domains,) = [one["value"] for one in self.json("metrics", "vservices_objects")
                      if one["name"] == "vservices_objects" and one["labels"]["kind"] == "Domain"]
        self.assertEqual(domains, len(self.json("get", "domains")["items"]))
        self.assertRan(self.node.vsctl("metrics", "no_such_metric"), 1)


class Operations(Care):
    def begin(self, what):
        begun = self.rest.ask("POST", "/v1/admin/" + what)
        self.assertEqual(begun.status, 202, begun.text)
        return begun.json["id"]

    def test_an_operation_is_listed_shown_and_waited_for(self):
        identifier = self.begin("backup")
        self.assertRan(self.node.vsctl("op", "wait", identifier, "--timeout", "60s"))
        shown = self.json("op", "show", identifier)
        self.assertEqual((shown["kind"], shown["state"], shown["requestor"]["principal"]), ("Backup", "succeeded", "uid:0"))
        self.assertIn("operation/" + identifier, self.assertRan(self.node.vsctl("op", "list", "-o", "name")).splitlines())
        self.assertRan(self.node.vsctl("op", "show", "no-such-operation"), 3)
        late = self.node.vsctl("op", "cancel", identifier)
        self.assertRan(late, 4)
        self.assertIn("has ended", late.stderr)

    def test_an_operation_that_fails_ends_its_waiters_with_8(self):
        backups = self.node.state / "backups"
        shutil.rmtree(backups, ignore_errors=True)
        backups.write_text("no directory")
        self.addCleanup(backups.unlink)
        failed = self.node.vsctl("admin", "backup")
        self.assertRan(failed, 8)
        identifier = self.json("op", "list")["items"][0]["id"]
        waited = self.node.vsctl("op", "wait", identifier)
        self.assertRan(waited, 8)
        self.assertIn(f"vsctl: operation {identifier} failed: ", waited.stderr)
        self.assertEqual(self.json("op", "show", identifier)["reason"], "BackupFailed")

    def test_an_operation_that_is_cancelled_ends_its_waiters_with_9(self):
        def cancelled():
            """One of many that wait for each other: it is asked to stop before it has begun, or it was too fast."""
            last = [self.begin("doctor") for _ in range(JOBS_MAX - 1)][-1]
            asked = self.rest.ask("POST", f"/v1/operations/{last}:cancel")
            self.rest.get(f"/v1/operations/{last}/wait?timeout=60s")
            return last if asked.status == 202 else None

        found = []
        wait_until(lambda: found.append(cancelled()) or found[-1], "an operation that is slower than its cancellation")
        waited = self.node.vsctl("op", "wait", found[-1])
        self.assertRan(waited, 9)
        self.assertIn(f"vsctl: operation {found[-1]} was cancelled", waited.stderr)

    def test_what_a_restart_cuts_off_has_failed(self):
        identifier = self.begin("doctor")
        self.rest.get(f"/v1/operations/{identifier}/wait?timeout=60s")
        with self.database() as database:
            database.execute("UPDATE operation SET state = 'running', finished_at = NULL WHERE id = ?", (identifier,))
        self.assertRan(self.node.vsctl("op", "wait", identifier), 8)
        self.assertEqual(self.json("op", "show", identifier)["reason"], "DaemonRestart")


class Keeping(Care):
    def test_an_object_that_cannot_be_read_is_a_warning_which_is_acknowledged_and_ends_when_it_is_mended(self):
        self.apply(domain("spoilt"))
        with self.database() as database:
            database.execute("""UPDATE resource SET spec = '{"type": 7}' WHERE name = 'spoilt'""")
        self.assertIn("web1", self.assertRan(self.node.vsctl("get", "domains")))
        (warning,) = self.json("warnings")["items"]
        self.assertEqual((warning["object"], warning["severity"]), ({"kind": "Domain", "name": "spoilt"}, "high"))
        self.assertIn("WRONG", self.assertRan(self.node.vsctl("doctor"), 1))
        self.assertEqual(self.assertRan(self.node.vsctl("ack", warning["id"])), f"warning/{warning['id']} acknowledged\n")
        self.assertEqual(self.json("warnings")["items"], [])
        (known,) = [one for one in self.json("warnings", "--all")["items"] if one["id"] == warning["id"]]
        self.assertEqual(known["acknowledgedBy"], "uid:0")
        self.apply(domain("spoilt"))
        with self.database():
            pass
        (known,) = [one for one in self.json("warnings", "--all")["items"] if one["id"] == warning["id"]]
        self.assertEqual(known["status"], "resolved")
        self.assertRan(self.node.vsctl("ack", "no-such-warning"), 3)

    def test_the_doctor_finds_nothing_wrong_with_a_sound_node(self):
        # Another test may have started the daemon anew: it serves before its backends are taken over.
        wait_until(lambda: self.node.metric("vservices_backend_up") == 1, "the backend")
        table = self.assertRan(self.node.vsctl("doctor"))
        for check in ("daemon", "backend dns", "bindings", "warnings", "database pages", "database audit"):
            self.assertRegex(table, rf"(?m)^{check} +ok ")
        self.assertEqual(self.assertRan(self.node.vsctl("admin", "doctor")), self.assertRan(self.node.vsctl("doctor")))

    def test_a_backup_puts_everything_back_that_it_had(self):
        self.apply(domain("kept1", tier="kept"))
        said = self.assertRan(self.node.vsctl("admin", "backup"))
        name = re.fullmatch(r"backup (\S+\.db) made: \d+ bytes\n", said)[1]
        copy = self.node.state / "backups" / name
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertRan(self.node.vsctl("delete", "domain", "kept1"))
        self.apply(domain("later1"))
        restore = [BIN / "vsmgrd", "--state-dir", self.node.state, "--run-dir", self.node.run_directory, "--restore", copy]
        self.assertEqual(subprocess.run(restore, capture_output=True).returncode, 78)  # it is in use
        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(PATIENCE_S), 0)
        restored = subprocess.run(restore, capture_output=True, text=True)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.node.start_manager()
        self.assertEqual(self.node.get("domain", "kept1")["metadata"]["labels"], {"tier": "kept"})
        self.assertRan(self.node.vsctl("get", "domain", "later1"), 3)
        self.assertRan(self.node.vsctl("admin", "audit", "verify"))
        self.assertIn("--restore", self.assertRan(self.node.vsctl("admin", "restore")))

    def test_the_audit_tells_when_a_row_was_edited_or_taken_away(self):
        self.apply(domain("audited1"))
        self.assertRegex(self.assertRan(self.node.vsctl("admin", "audit", "verify")), r"^audit sound: \d+ rows, up to \d+ with hash \w+\n$")
        for edit in ("UPDATE audit SET principal = 'uid:1' WHERE id = ?", "DELETE FROM audit WHERE id = ?"):
            with self.database() as database:
                (row,) = database.execute("SELECT max(id) - 1 FROM audit").fetchone(),
                saved = database.execute("SELECT * FROM audit WHERE id = ?", row).fetchone()
                database.execute(edit, row)
            found = self.node.vsctl("admin", "audit", "verify")
            self.assertRan(found, 1)
            self.assertRegex(found.stderr, r"^vsctl: the audit was tampered with at row \d+: ")
            self.assertIn("WRONG", self.assertRan(self.node.vsctl("doctor"), 1))
            with self.database() as database:
                database.execute(f"INSERT OR REPLACE INTO audit VALUES ({', '.join('?' * len(saved))})", saved)
            self.assertRan(self.node.vsctl("admin", "audit", "verify"))


class Empty(SharedNodeTest):
    def test_with_no_domain_every_metric_is_there_that_is_not_of_a_domain(self):
        def metrics():
            """The label names of each."""
            found = {}
            for one in json.loads(self.assertRan(self.node.vsctl("metrics", "-o", "json"))):
                name = re.sub("_(bucket|sum|count)$", "", one["name"])
                found.setdefault(name, set()).update(one["labels"])
            return found

        service = "---\n".join(one for one in POLICY.split("---\n") if "kind: Service" in one or "kind: AccessPolicy" in one)
        self.node.apply(service)
        wait_until(lambda: self.node.metric("vservices_backend_up") == 1, "the backend")
        before = metrics()
        self.assertEqual(self.node.metric("vservices_objects", kind="Domain"), 0)
        self.node.apply()
        self.assertRan(self.node.run("web1", "getent", "hosts", "v4.test"))
        self.assertRan(self.node.run("web2", "getent", "hosts", "v4.test"), 2)
        wait_until(lambda: self.node.metric("vservices_opens_refused_total", domain="web2") > 0, "the refusal")
        wait_until(lambda: self.node.metric("vservices_requests_total", domain="web1") > 0, "requests")
        after = metrics()
        self.assertGreater(len(after), len(before))
        self.assertEqual({name for name in after if name not in before and "domain" not in after[name]}, set())


if __name__ == "__main__":
    unittest.main()
