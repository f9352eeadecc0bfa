"""What operators watch: events that are resumed, trimmed, and waits that tell the truth, over a real daemon."""

import sqlite3
import threading
import unittest

from node import NodeTest
from rest import Rest

MISSED = 10_000


def documents(count, mark):
    return "---\n".join(f"apiVersion: vservices/v1\nkind: Domain\nmetadata: {{name: d{i}}}\n"
                        f"spec: {{description: {mark}}}\n" for i in range(count))


class EventsTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.rest = Rest(self.node.run_directory / "vsmgrd.sock")

    def apply(self, text, query=""):
        answer = self.rest.ask("POST", "/v1/apply" + query, {"files": [{"name": "t.yaml", "text": text}]})
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    def newest(self):
        return self.rest.get("/v1/domains?limit=1").json["metadata"]["eventId"]

    def test_a_watcher_resumes_after_ten_thousand_missed_events(self):
        before = self.newest()
        rounds = 10
        for i in range(rounds):
            self.apply(documents(MISSED // rounds, f"r{i}"))
        connection, events = self.rest.events("/v1/events?kind=Domain", Last_Event_ID=str(before))
        self.addCleanup(connection.close)
        last, seen = before, 0
        for number, kind, event in events:
            self.assertGreater(number, last)
            last = number
            seen += kind in ("domain.created", "domain.updated")
            if seen == MISSED:
                break
        self.assertEqual(seen, MISSED)

    def test_a_watcher_is_told_when_what_it_missed_was_trimmed(self):
        for i in range(3):
            self.apply(documents(2, f"r{i}"))
        self.node.manager.terminate()
        self.assertEqual(self.node.manager.wait(60), 0)
        with sqlite3.connect(self.node.state / "vsmgrd.db") as database:
            oldest = database.execute("SELECT max(id) FROM event").fetchone()[0] - 1
            database.execute("DELETE FROM event WHERE id < ?", (oldest,))
        database.close()
        self.node.start_manager()
        for headers in ({}, {"Accept": "text/event-stream"}):
            answer = self.rest.get("/v1/events?since=1", **headers)
            self.assertEqual(answer.status, 410, answer.text)
            self.assertEqual(answer.json["code"], "gone")
        self.assertEqual(self.rest.get(f"/v1/events?since={oldest - 1}").status, 200)

    def test_a_list_and_then_a_watch_miss_nothing(self):
        listed = self.rest.get("/v1/domains?limit=1000").json
        writer = threading.Thread(target=lambda: [self.apply(documents(50, f"r{i}")) for i in range(4)])
        writer.start()
        known = {item["metadata"]["name"] for item in listed["items"]}
        connection, events = self.rest.events(f"/v1/events?type=domain.created&since={listed['metadata']['eventId']}")
        self.addCleanup(connection.close)
        while len(known) < 50:
            known.add(next(events)[2]["name"])
        writer.join()

    def test_waiting_for_an_operation_ends_with_its_outcome(self):
        for kind in ("backup", "doctor"):
            begun = self.rest.ask("POST", "/v1/admin/" + kind)
            self.assertEqual(begun.status, 202, begun.text)
            answer = self.rest.get(begun.headers["Location"] + "/wait?timeout=20s")
            while answer.status == 202:
                self.assertIn(answer.json["state"], ("running", "cancelling"))
                answer = self.rest.get(begun.headers["Location"] + "/wait?timeout=20s")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json["state"], "succeeded", answer.text)

    def test_streams_end_promptly_when_the_daemon_stops(self):
        connection, events = self.rest.events("/v1/events")
        self.addCleanup(connection.close)
        self.node.manager.terminate()
        self.assertEqual(list(events), [])
        self.assertEqual(self.node.manager.wait(60), 0)
        self.node.start_manager()

    def test_a_repeated_request_is_answered_again_after_a_kill(self):
        body = {"files": [{"name": "t.yaml", "text": documents(1, "x")}]}
        first = self.rest.ask("POST", "/v1/apply", body, Idempotency_Key="k")
        self.node.manager.kill()
        self.node.manager.wait()
        self.node.start_manager()
        again = self.rest.ask("POST", "/v1/apply", body, Idempotency_Key="k")
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.assertEqual(again.text, first.text)


if __name__ == "__main__":
    unittest.main()
