"""vsctl from elsewhere: TLS 1.3 with a client certificate or a token, and the life of tokens."""

import json
import subprocess
import unittest

from certificates import Authority
from node import Assertions, Node, domain, free_port

SECRET_BYTES_MIN = 43  # 256 bits in base64


class Remote(Assertions):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.start()
        cls.addClassCleanup(cls.node.close)

    @classmethod
    def start(cls):
        """A node that listens with certificates of its own; a port may be taken between finding and using it."""
        for _ in range(20):
            node = Node()
            cls.authority = Authority(node.directory)
            cls.key, cls.certificate = cls.authority.issue("server", alternative="IP:127.0.0.1")
            cls.port = free_port()
            node.manager_options = ["--listen", f"127.0.0.1:{cls.port}", "--tls-certificate", cls.certificate, "--tls-key", cls.key,
                                    "--tls-client-ca", cls.authority.certificate, "--role-of", "cn:ops=operator",
                                    "--role-of", "cn:boss=admin"]
            node.manager.terminate()
            node.manager.wait()
            try:
                node.start_manager()
                return node
            except AssertionError as problem:
                if "Address already in use" not in str(problem):
                    raise
        raise AssertionError("no port is free")

    def remote(self, *arguments, text=None, token=None, host=None, authority=None):
        """vsctl as it runs on another machine: without the socket, with nothing but what it is given."""
        environment = {name: value for name, value in self.node.environment().items() if not name.startswith("VSCTL_")}
        environment["VSCTL_SOCKET"] = "/nowhere"
        if token:
            environment["VSCTL_TOKEN"] = token
        return subprocess.run([*self.node.vsctl_command(), "--host", host or f"https://127.0.0.1:{self.port}", "--cacert",
                               authority or self.authority.certificate, *arguments], input=text, capture_output=True, text=True,
                              env=environment, timeout=120)

    def certificate_of(self, name):
        key, certificate = self.authority.issue(name)
        return "--cert", str(certificate), "--key", str(key)

    def create(self, name, *options):
        result = self.node.vsctl("admin", "token", "create", name, *options)
        secret = self.assertRan(result).removesuffix("\n")
        self.assertGreaterEqual(len(secret), SECRET_BYTES_MIN)
        self.assertNotIn(secret, result.stderr)
        return secret

    def test_a_client_certificate_opens_what_its_role_may(self):
        ops = self.certificate_of("ops")
        self.assertEqual(self.assertRan(self.remote(*ops, "apply", "-f", "-", text=domain("cert1"))), "domain/cert1 created\n")
        self.assertRan(self.remote(*ops, "get", "domain", "cert1"))
        denied = self.remote(*ops, "admin", "token", "list")
        self.assertRan(denied, 5)
        self.assertIn("cert:ops has role operator", denied.stderr)
        self.assertRan(self.remote(*self.certificate_of("boss"), "admin", "token", "list"))
        self.assertRan(self.remote(*self.certificate_of("stranger"), "get", "domains"), 5)
        self.assertRan(self.remote("get", "domains"), 5)

    def test_nobody_is_believed_whom_the_authority_did_not_sign(self):
        other = self.node.directory / "other"
        other.mkdir()
        authority = Authority(other, "other-ca")
        refused = self.remote("get", "domains", token="x", authority=authority.certificate)
        self.assertRan(refused, 6)
        self.assertIn("certificate", refused.stderr)
        key, certificate = authority.issue("boss")
        self.assertNotEqual(self.remote("--cert", str(certificate), "--key", str(key), "get", "domains").returncode, 0)
        self.assertRan(self.remote("get", "domains", host=f"http://127.0.0.1:{self.port}"), 2)
        self.assertRan(self.remote("--cert", "/nowhere.pem", "get", "domains"), 2)

    def test_a_token_opens_what_its_role_and_scope_may_and_sees_nothing_else(self):
        self.assertRan(self.node.vsctl("apply", "-f", "-", text=domain("scope1", team="a") + domain("scope2", team="b")))
        secret = self.create("team-a", "--role", "operator", "--scope", "team=a")
        self.assertEqual(self.assertRan(self.remote("get", "domains", "-o", "name", token=secret)), "domain/scope1\n")
        self.assertRan(self.remote("get", "domain", "scope2", token=secret), 3)
        self.assertRan(self.remote("apply", "-f", "-", token=secret, text=domain("scope3", team="a")))
        self.assertRan(self.remote("apply", "-f", "-", token=secret, text=domain("scope4", team="b")), 5)
        file = self.node.directory / "team-a.token"
        file.write_text(secret + "\n")
        self.assertRan(self.remote("--token-file", str(file), "get", "domain", "scope1"))
        self.assertRan(self.remote("get", "domains", token="wrong" * 9), 5)
        shown = self.remote("--debug", "get", "domains", token=secret)
        self.assertRan(shown)
        self.assertIn("Authorization: ***", shown.stderr)
        self.assertNotIn(secret, shown.stdout + shown.stderr)

    def test_rotating_gives_a_new_secret_and_the_old_one_its_grace(self):
        old = self.create("rotated")
        new = self.assertRan(self.node.vsctl("admin", "token", "rotate", "rotated", "--grace", "1h")).strip()
        self.assertNotEqual(old, new)
        for secret in (old, new):
            self.assertRan(self.remote("get", "domains", token=secret))
        newest = self.assertRan(self.node.vsctl("admin", "token", "rotate", "rotated", "--grace", "0s")).strip()
        self.assertRan(self.remote("get", "domains", token=new), 5)
        self.assertRan(self.remote("get", "domains", token=newest))

    def test_revoking_ends_it_at_once_and_frees_its_name(self):
        secret = self.create("revoked")
        self.assertRan(self.remote("get", "domains", token=secret))
        self.assertRan(self.node.vsctl("admin", "token", "create", "revoked"), 4)
        self.assertEqual(self.assertRan(self.node.vsctl("admin", "token", "revoke", "revoked")), "token/revoked revoked\n")
        self.assertRan(self.remote("get", "domains", token=secret), 5)
        self.create("revoked")
        self.assertRan(self.node.vsctl("admin", "token", "revoke", "no-such-token"), 3)

    def test_a_tokens_secret_is_kept_nowhere(self):
        secrets = [self.create("canary", "--role", "admin")]
        secrets.append(self.assertRan(self.node.vsctl("admin", "token", "rotate", "canary")).strip())
        self.assertRan(self.remote("admin", "backup", token=secrets[1]))
        for arguments in (("admin", "token", "list", "-o", "json"), ("events", "-o", "json"), ("op", "list", "-o", "json"),
                          ("metrics",), ("get", "domains", "-o", "json")):
            shown = self.assertRan(self.remote(*arguments, token=secrets[1]))
            for secret in secrets:
                self.assertNotIn(secret, shown)
        files = [path for path in self.node.directory.rglob("*") if path.is_file() and not path.is_symlink()]
        self.assertTrue(any(path.parent.name == "backups" for path in files))
        self.assertIn(self.node.log, files)
        for path in files:
            content = path.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret.encode(), content, path)

    def test_events_are_followed_from_elsewhere(self):
        secret = self.create("watcher")
        environment = {**self.node.environment(), "VSCTL_TOKEN": secret}
        process = subprocess.Popen([*self.node.vsctl_command(), "--host", f"https://127.0.0.1:{self.port}", "--cacert",
                                    self.authority.certificate, "watch", "domains", "-l", "seen=yes", "-o", "json"],
                                   stdout=subprocess.PIPE, text=True, env=environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertRan(self.node.vsctl("apply", "-f", "-", text=domain("seen1", seen="yes")))
        self.assertEqual(json.loads(process.stdout.readline())["metadata"]["name"], "seen1")


if __name__ == "__main__":
    unittest.main()
