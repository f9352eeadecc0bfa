"""Who may do what, over every socket of a real node."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import unittest

from certificates import Authority
from node import BIN, PATIENCE_S, Node, free_port, wait_until

METRICS_TOKEN = "canary-metrics-secret-0123456789abcdef"
DOMAIN = {"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": "web9"}, "spec": {"type": "sandbox"}}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("vsmgrd", timeout=PATIENCE_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None, token=None, **headers):
    """The status and the answer's JSON, or its text."""
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    return response.status, json.loads(text) if "json" in response.getheader("Content-Type", "") else text


class AccessTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsa-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory])
        self.authority = Authority(self.directory)
        self.server_key, self.server = self.authority.issue("server", alternative="IP:127.0.0.1,DNS:node1")
        self.token_file = self.directory / "metrics.token"
        self.token_file.write_text(METRICS_TOKEN + "\n")
        self.token_file.chmod(0o600)
        self.config = self.directory / "vsmgrd.conf"
        self.start()

    def start(self):
        for _ in range(20):  # a port may be taken between finding and using it
            self.remote, self.metrics = free_port(), free_port()
            self.write_config(["cn:ops=operator", "cn:team-a=operator@team=a", "cn:boss=admin", "uid:65534=viewer"])
            try:
                self.node = Node(manager_options=["--config", self.config])
                break
            except AssertionError as problem:
                if "Address already in use" not in str(problem):
                    raise
        self.addCleanup(self.node.close)

    def write_config(self, roles, certificate=None, key=None, more=()):
        self.config.write_text("\n".join([
            *more,
            "backend-loops = 1",
            f'listen = "127.0.0.1:{self.remote}"',
            f'tls-certificate = "{certificate or self.server}"',
            f'tls-key = "{key or self.server_key}"',
            f'tls-client-ca = "{self.authority.certificate}"',
            f'metrics-listen = "127.0.0.1:{self.metrics}"',
            f'metrics-token-file = "{self.token_file}"',
            "role-of = [" + ", ".join(f'"{role}"' for role in roles) + "]", ""]))

    def reload(self, what):
        before = self.node.log.read_text().count(what)
        self.node.manager.send_signal(signal.SIGHUP)
        wait_until(lambda: self.node.log.read_text().count(what) > before, what)

    def context(self, client=None, authority=None):
        context = ssl.create_default_context(cafile=(authority or self.authority).certificate)
        if client:
            context.load_cert_chain(client[1], client[0])
        return context

    def over_tls(self, client=None, context=None):
        return http.client.HTTPSConnection("127.0.0.1", self.remote, timeout=PATIENCE_S,
                                           context=context or self.context(client))

    def local(self, name="vsmgrd.sock"):
        return UnixConnection(self.node.run_directory / name)

    def test_the_read_only_socket_takes_no_write_whoever_connects(self):
        self.assertEqual(ask(self.local("vsmgrd-ro.sock"), "GET", "/v1/domains")[0], 200)
        status, problem = ask(self.local("vsmgrd-ro.sock"), "PUT", "/v1/domains/web9", DOMAIN)
        self.assertEqual((status, problem["code"]), (403, "denied"))
        self.assertEqual(ask(self.local(), "GET", "/v1/domains/web9")[0], 404)
        self.assertEqual(ask(self.local(), "PUT", "/v1/domains/web9", DOMAIN)[0], 201)

    def test_a_client_certificate_has_the_role_of_its_rule(self):
        ops, boss, stranger = (self.authority.issue(name) for name in ("ops", "boss", "stranger"))
        self.assertEqual(ask(self.over_tls(ops), "PUT", "/v1/domains/web9", DOMAIN)[0], 201)
        policy = {"apiVersion": "vservices/v1", "kind": "AccessPolicy", "metadata": {"name": "p"},
                  "spec": {"rules": [{"id": "a", "effect": "deny", "message": "no", "match": {"domains": ["x"]}}]}}
        status, problem = ask(self.over_tls(ops), "PUT", "/v1/policies/p", policy)
        self.assertEqual(status, 403)
        self.assertIn("needs role policy-admin; cert:ops has role operator", problem["detail"])
        self.assertEqual(ask(self.over_tls(boss), "PUT", "/v1/policies/p", policy)[0], 201)
        self.assertEqual(ask(self.over_tls(stranger), "GET", "/v1")[0], 401)
        self.assertEqual(ask(self.over_tls(), "GET", "/v1")[0], 401)

    def test_a_certificate_of_another_ca_gets_no_further_than_the_handshake(self):
        (self.directory / "other").mkdir()
        other = Authority(self.directory / "other", "other-ca")
        key, certificate = other.issue("boss")
        context = self.context((key, certificate))
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            ask(self.over_tls(context=context), "GET", "/v1")
        wait_until(lambda: self.node.metric("vservices_http_handshakes_failed_total") >= 1, "the handshake to be counted")
        with self.assertRaises(ssl.SSLError):  # and the client, for its part, believes no other CA
            ask(self.over_tls(context=self.context(authority=other)), "GET", "/v1")

    def test_nothing_older_than_tls_1_3_is_spoken(self):
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            ask(self.over_tls(context=context), "GET", "/v1")
        with socket.create_connection(("127.0.0.1", self.remote), PATIENCE_S) as raw:
            with self.context().wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                self.assertEqual(tls.version(), "TLSv1.3")

    def test_sighup_takes_new_roles_and_a_new_certificate_and_keeps_the_old_when_it_is_wrong(self):
        ops = self.authority.issue("ops")
        new_key, new = self.authority.issue("server-new", alternative="IP:127.0.0.1")
        self.write_config(["cn:ops=viewer"], new, new_key)
        self.reload("vsmgrd.reloaded")
        self.assertEqual(ask(self.over_tls(ops), "PUT", "/v1/domains/web9", DOMAIN)[0], 403)
        self.assertEqual(self.shown_certificate(), ssl.PEM_cert_to_DER_cert(new.read_text()))
        self.write_config(["cn:ops=operator"], new, self.server_key)  # the key of another certificate
        self.reload("vsmgrd.not_reloaded")
        self.assertEqual(ask(self.over_tls(ops), "PUT", "/v1/domains/web9", DOMAIN)[0], 403)
        self.assertEqual(self.shown_certificate(), ssl.PEM_cert_to_DER_cert(new.read_text()))

    def test_sighup_with_a_wrong_file_of_the_peers_changes_nothing_else_either(self):
        ops = self.authority.issue("ops")
        self.assertEqual(ask(self.over_tls(ops), "PUT", "/v1/domains/web8", {**DOMAIN, "metadata": {"name": "web8"}})[0], 201)
        peers = ['peer = ["node2=127.0.0.1:1"]', f'peer-ca = "{self.server_key}"']  # no certificate
        self.write_config(["cn:ops=viewer"], more=peers)
        self.reload("vsmgrd.not_reloaded")
        self.assertEqual(ask(self.over_tls(ops), "PUT", "/v1/domains/web9", DOMAIN)[0], 201)

    def shown_certificate(self):
        with socket.create_connection(("127.0.0.1", self.remote), PATIENCE_S) as raw:
            with self.context().wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                return tls.getpeercert(binary_form=True)

    def metrics_connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=PATIENCE_S)

    def test_the_metrics_listener_serves_metrics_and_nothing_else(self):
        status, text = ask(self.metrics_connection(), "GET", "/metrics", token=METRICS_TOKEN)
        self.assertEqual(status, 200)
        self.assertIn("\nvservices_build_info{", "\n" + text)
        for path in ("/v1", "/v1/domains", "/healthz", "/", "/metrics/", "/v1/tokens"):
            self.assertEqual(ask(self.metrics_connection(), "GET", path, token=METRICS_TOKEN)[0], 404, path)
        self.assertIn(ask(self.metrics_connection(), "POST", "/metrics", {}, token=METRICS_TOKEN)[0], (403, 405))
        self.assertEqual(ask(self.metrics_connection(), "GET", "/metrics")[0], 401)
        self.assertEqual(ask(self.metrics_connection(), "GET", "/metrics", token="x" * 43)[0], 401)
        self.assertEqual(ask(self.over_tls(), "GET", "/metrics", token=METRICS_TOKEN)[0], 401)

    def test_a_stopped_backend_holds_up_no_scrape(self):
        self.node.apply()
        wait_until(lambda: self.node.get("binding", "web1-dns")["status"]["state"] in ("Bound", "Ready"), "the binding")
        stopped = self.node.backend_pids()
        self.assertTrue(stopped)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)
        for _ in range(20):
            status, text = ask(self.metrics_connection(), "GET", "/metrics", token=METRICS_TOKEN)
            self.assertEqual(status, 200)
        # Answered from what was known: the backend says nothing all the while.
        self.assertIn("vservices_build_info", text)
        for pid in stopped:
            self.assertEqual(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0], "T")

    def audit(self, outcome):
        with contextlib.closing(sqlite3.connect(f"file:{self.node.state}/vsmgrd.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT principal, channel, verb, code, request_id, message FROM audit WHERE outcome = ?",
                                    (outcome,)).fetchall()

    def test_refusals_are_audited_and_a_flood_of_them_is_a_few_rows(self):
        ops = self.authority.issue("ops")
        for _ in range(300):
            ask(self.local("vsmgrd-ro.sock"), "PUT", "/v1/domains/web9", DOMAIN, **{"X-Request-Id": "ro-1"})
        ask(self.over_tls(ops), "DELETE", "/v1/policies/access", **{"X-Request-Id": "ops-1"})
        ask(self.over_tls(), "GET", "/v1/domains", token="wrong", **{"X-Request-Id": "wrong-1"})
        rows = self.audit("refused")
        self.assertLess(len(rows), 10, rows)
        self.assertIn(("uid:0", "unix-ro", "PUT /v1/domains/{name}", "denied", "ro-1"), [row[:5] for row in rows])
        self.assertIn(("cert:ops", "tls", "DELETE /v1/policies/{name}", "denied", "ops-1"), [row[:5] for row in rows])
        self.assertIn(("nobody at 127.0.0.1", "tls", "GET unmatched", "denied", "wrong-1"), [row[:5] for row in rows])
        self.node.manager.send_signal(signal.SIGTERM)  # what was only counted is written at the end
        self.node.manager.wait(PATIENCE_S)
        counts = [int(row[5].split()[0]) if "more times" in row[5] else 1
                  for row in self.audit("refused") if row[1] == "unix-ro"]
        self.assertEqual(sum(counts), 300, counts)
        self.node.start_manager()

    def test_a_secret_that_was_shown_is_written_nowhere(self):
        canaries = ["canary-" + name + "-" + "x7" * 20 for name in ("remote", "local", "basic", "metrics")]
        ask(self.over_tls(), "GET", "/v1/domains", token=canaries[0])
        ask(self.local(), "PUT", "/v1/domains/web9", DOMAIN, token=canaries[1])
        ask(self.local(), "GET", "/v1", Authorization="Basic " + canaries[2])
        ask(self.metrics_connection(), "GET", "/metrics", token=canaries[3])
        ask(self.metrics_connection(), "GET", "/metrics", token=METRICS_TOKEN)
        self.assertEqual(len(self.audit("refused")), 4)
        self.node.manager.send_signal(signal.SIGTERM)
        self.node.manager.wait(PATIENCE_S)
        files = [path for path in self.node.directory.rglob("*") if path.is_file() and not path.is_symlink()]
        self.assertIn(self.node.log, files)
        self.assertIn(self.node.state / "vsmgrd.db", files)
        for path in files:
            content = path.read_bytes()
            for canary in [*canaries, METRICS_TOKEN]:
                self.assertNotIn(canary.encode(), content, path)
        self.node.start_manager()

    def issue(self, name, **more):
        status, answer = ask(self.local(), "POST", "/v1/tokens", {"name": name, "role": "operator", **more})
        self.assertEqual(status, 201, answer)
        return answer["token"]["id"], answer["secret"]

    def test_a_token_counts_from_its_issue_to_its_end_and_is_written_nowhere(self):
        identity, first = self.issue("ci", scope="env=prod", lifetime="1h")
        self.assertEqual(ask(self.over_tls(), "PUT", "/v1/domains/web9", DOMAIN, token=first)[0], 403)  # outside its scope
        inside = {**DOMAIN, "metadata": {"name": "web9", "labels": {"env": "prod"}}}
        self.assertEqual(ask(self.over_tls(), "PUT", "/v1/domains/web9", inside, token=first)[0], 201)
        self.assertEqual(ask(self.over_tls(), "GET", "/v1/tokens", token=first)[0], 403)

        # Rotated: the old secret counts for the grace, and without one ends at once.
        rotated = ask(self.local(), "POST", f"/v1/tokens/{identity}:rotate", {"grace": "1h"})
        self.assertEqual(rotated[0], 200, rotated)
        second = rotated[1]["secret"]
        for secret in (first, second):
            self.assertEqual(ask(self.over_tls(), "GET", "/v1/domains/web9", token=secret)[0], 200)
        third = ask(self.local(), "POST", f"/v1/tokens/{identity}:rotate", {"grace": "0s"})[1]["secret"]
        for secret, status in ((first, 401), (second, 401), (third, 200)):
            self.assertEqual(ask(self.over_tls(), "GET", "/v1/domains/web9", token=secret)[0], status)

        # Revoked: with it ends the stream that it opened.
        watcher = self.over_tls()
        self.addCleanup(watcher.close)
        watcher.request("GET", "/v1/events", headers={"Authorization": f"Bearer {third}", "Accept": "text/event-stream"})
        stream = watcher.getresponse()
        self.assertEqual(stream.status, 200)
        self.assertEqual(ask(self.local(), "DELETE", f"/v1/tokens/{identity}")[1]["state"], "revoked")
        stream.read()  # to its end: one that goes on fails by its timeout
        self.assertEqual(ask(self.over_tls(), "GET", "/v1/domains/web9", token=third)[0], 401)

        # Expired.
        short, fourth = self.issue("short", lifetime="1s")
        wait_until(lambda: ask(self.local(), "GET", f"/v1/tokens/{short}")[1]["state"] == "expired", "the token's end")
        self.assertEqual(ask(self.over_tls(), "GET", "/v1", token=fourth)[0], 401)

        # No secret is in what is shown, nor in any file, nor in a backup.
        status, begun = ask(self.local(), "POST", "/v1/admin/backup")
        self.assertEqual(status, 202, begun)
        wait_until(lambda: ask(self.local(), "GET", f"/v1/operations/{begun['id']}")[1]["state"] == "succeeded", "the backup")
        secrets = [first, second, third, fourth]
        for path in ("/v1/events?limit=1000", "/v1/audit?limit=1000", "/v1/tokens", "/v1/warnings", "/metrics",
                     f"/v1/operations/{begun['id']}"):
            status, answer = ask(self.local(), "GET", path)
            self.assertEqual(status, 200, path)
            for secret in secrets:
                self.assertNotIn(secret, json.dumps(answer), path)
        self.node.manager.send_signal(signal.SIGTERM)
        self.node.manager.wait(PATIENCE_S)
        files = [path for path in self.node.directory.rglob("*") if path.is_file() and not path.is_symlink()]
        self.assertTrue([path for path in files if path.parent.name == "backups"], files)
        self.assertIn(self.node.log, files)
        for path in files:
            content = path.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret.encode(), content, path)
                self.assertNotIn(secret.removeprefix("vst_").encode(), content, path)
        self.node.start_manager()

    def test_what_is_wrong_is_said_before_anything_starts(self):
        for roles, token_mode, says in ((["uid:1=king"], 0o600, "the role is one of"),
                                        (["uid:1=viewer"], 0o644, "others may read it")):
            self.write_config(roles)
            self.token_file.chmod(token_mode)
            result = subprocess.run([BIN / "vsmgrd", "--check-config", "--config", self.config, "--state-dir", self.directory,
                                     "--run-dir", self.directory], capture_output=True, text=True)
            self.assertEqual(result.returncode, 78, result.stderr)
            self.assertIn(says, result.stderr)

    def test_whom_other_nodes_would_not_take_is_said_before_anything_starts(self):
        key, certificate = self.authority.issue("node1", alternative="DNS:node1")
        fits = ["--tls-certificate", certificate, "--tls-key", key]
        for options, says in (([*fits, "--peer", "node2=192.0.2.2"], "is not ADDRESS:PORT"),
                              ([*fits, "--peer", "Node2=192.0.2.2:1"], "Node2"),
                              ([*fits, "--peer", "node1=192.0.2.2:1"], "is this node itself"),
                              (["--peer", "node2=192.0.2.2:1"], 'its common name is "server", this node\'s is "node1"'),
                              ([*fits, "--peer", "node2=192.0.2.2:1", "--peer-ca", certificate], "as ssl_client by the CA of"),
                              ([*fits, "--peer", "node2=192.0.2.2:1"], None)):
            result = subprocess.run([BIN / "vsmgrd", "--check-config", "--config", self.config, "--state-dir", self.directory,
                                     "--run-dir", self.directory, "--node-name", "node1", *options], capture_output=True, text=True)
            if says:
                self.assertEqual(result.returncode, 78, result.stdout)
                self.assertIn(says, result.stderr)
            else:
                self.assertEqual(result.returncode, 0, result.stderr)
        lonely = subprocess.run([BIN / "vsmgrd", "--check-config", "--peer", "node2=192.0.2.2:1"], capture_output=True, text=True)
        self.assertIn("--peer: needs --listen", lonely.stderr)


if __name__ == "__main__":
    unittest.main()
