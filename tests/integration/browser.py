"""A real browser without a screen, driven over the Chrome DevTools Protocol.

https://chromedevtools.github.io/devtools-protocol/, over a WebSocket (RFC 6455) of our own. The browser can reach 127.0.0.1 and
nothing else, and everything that a page complains of is kept.
"""

import base64
import http.client
import itertools
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile

from node import PATIENCE_S, wait_until

# Before anything of the page runs.
WATCH = """
window.seen = [];
addEventListener("securitypolicyviolation", (event) => window.seen.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
addEventListener("error", (event) => window.seen.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => window.seen.push(`rejected: ${event.reason}`));
"""


class WebSocket:
    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline() != b"\r\n":
            pass

    def send(self, text):
        data = text.encode()
        size = struct.pack(">BBH", 0x81, 0xFE, len(data)) if len(data) < 65536 else struct.pack(">BBQ", 0x81, 0xFF, len(data))
        mask = os.urandom(4)
        self.socket.sendall(size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def receive(self):
        """The next text; the browser sends each in one frame."""
        while True:
            first, size = self.file.read(2)
            if size == 126:
                size, = struct.unpack(">H", self.file.read(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.file.read(8))
            data = self.file.read(size)
            if first & 0x0F == 1:
                return data.decode()

    def close(self):
        self.file.close()
        self.socket.close()


class Browser:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vsb-", dir="/tmp"))
        self.log = self.directory / "chromium.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--remote-debugging-port=0", f"--user-data-dir={self.directory}/profile", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio",
                 "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank"],
                stdout=log, stderr=log, env={**os.environ, "HOME": str(self.directory)}, start_new_session=True)
        told = self.directory / "profile" / "DevToolsActivePort"
        wait_until(lambda: self.process.poll() is not None or (told.exists() and told.read_text().count("\n") >= 1), "chromium")
        if self.process.poll() is not None:
            raise AssertionError("chromium ended: " + self.log.read_text())
        self.port = int(told.read_text().split("\n")[0])

    def page(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("PUT", "/json/new?about:blank")
        target = json.load(connection.getresponse())
        connection.close()
        return Page(WebSocket(self.port, f"/devtools/page/{target['id']}"))

    def close(self):
        os.killpg(self.process.pid, 9)  # a session of its own: it and its helpers, nobody else
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Page:
    def __init__(self, web_socket):
        self.web_socket = web_socket
        self.numbers = itertools.count(1)
        self.complaints = []
        self.requests = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.look_like()

    def call(self, method, **parameters):
        number = next(self.numbers)
        self.web_socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.web_socket.receive())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.note(message["method"], message["params"])

    def note(self, method, said):
        if method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(one.get("value", one.get("description"))) for one in said["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(said["entry"]["text"] + " " + said["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    def look_like(self, width=1280, height=900, dark=False, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def go(self, address):
        self.call("Page.navigate", url=address)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, (expression, result)
        return result["result"].get("value")

    def wait(self, expression, what=None):
        wait_until(lambda: self.evaluate(f"Boolean({expression})"), what or expression)

    def text(self, selector="main"):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, selector):
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def picture(self, path=None):
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"])
        if path:
            pathlib.Path(path).write_bytes(data)
        return data

    def close(self):
        """Closes the tab: one that stays open keeps its connections, of which a browser makes six to a host."""
        self.web_socket.send(json.dumps({"id": next(self.numbers), "method": "Page.close"}))
        self.web_socket.receive()
        self.web_socket.close()
