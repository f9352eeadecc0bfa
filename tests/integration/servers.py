"""Servers between nodes, each in a directory and on ports of its own: nats-server with JetStream and MQTT, and mosquitto."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

from node import PATIENCE_S, free_port, wait_until


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        return True
    except OSError:
        return False


class Server:
    """What both have in common; `command` and `write_config` are theirs."""

    def __init__(self, name):
        self.directory = tempfile.mkdtemp(prefix=f"vse-{name}-", dir="/tmp")
        self.process = None
        self.port = free_port()

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or answers(self.port), "the server")
        if self.process.poll() is not None:
            raise AssertionError("the server ended: " + self.log())
        return self

    def log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class NatsServer(Server):
    def __init__(self, extra=""):
        super().__init__("nats")
        self.monitoring = free_port()
        self.mqtt = free_port()
        with open(os.path.join(self.directory, "conf"), "w", encoding="utf-8") as conf:
            conf.write(f'server_name: between\nlisten: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self.monitoring}"\n'
                       f'jetstream {{ store_dir: "{self.directory}/jetstream" }}\nmqtt {{ host: "127.0.0.1", port: {self.mqtt} }}\n'
                       + extra)

    def command(self):
        return ["nats-server", "-c", os.path.join(self.directory, "conf")]

    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def ask(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}/{what}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def subscriptions(self, prefix):
        """The subjects under `prefix` that clients are subscribed to, one for each subscription."""
        connections = self.ask("connz?subs=1")["connections"]
        return sorted(one for connection in connections for one in connection.get("subscriptions_list", []) if one.startswith(prefix))

    def consumers(self):
        """How many readers JetStream keeps a place for."""
        return self.ask("jsz")["consumers"]

    def unread_bytes(self):
        """The most bytes that wait for the server in one of its connections."""
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table][1:]
        return max((int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(f":{self.port:04X}") and row[3] == "01"), default=0)

    def publish(self, subject, payload):
        """As a stranger does: the text protocol, without headers."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as client:
            client.sendall(b'CONNECT {"verbose":false}\r\n' + f"PUB {subject} {len(payload)}\r\n".encode() + payload + b"\r\nPING\r\n")
            seen = b""
            while b"PONG" not in seen:
                seen += client.recv(4096)


class Mosquitto(Server):
    def __init__(self, extra=""):
        super().__init__("mosquitto")
        with open(os.path.join(self.directory, "conf"), "w", encoding="utf-8") as conf:
            conf.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                       f"persistence_location {self.directory}/\nuser root\n" + extra)

    def command(self):
        return ["mosquitto", "-c", os.path.join(self.directory, "conf")]

    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"
