"""The page at /ui, in a real browser: what it shows, that it shows it as text, and that it loads and breaks nothing."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

from browser import Browser
from node import BIN, PATIENCE_S, Assertions, Node, domain, wait_until
from rest import Rest

EVIL = "<img src=x onerror=window.hacked=1>"
MANY = 10_000
DOMAINS = 100  # that have those bindings
PAGE = 50

DOCUMENTS = """
apiVersion: vservices/v1
kind: Service
metadata: {name: dns}
spec: {kind: dns, parameters: {nameservers: ["127.0.0.1:%(port)d"]}}
---
apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub}
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: web1, labels: {tier: web}}
spec: {type: sandbox, description: "EVIL"}
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: web2}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: access}
spec:
  rules:
    - {id: allow-web1, effect: allow, message: web1 may, match: {domains: [web1]}}
    - {id: deny-web2, effect: deny, message: "EVIL is not let in", match: {domains: [web2]}}
---
apiVersion: vservices/v1
kind: Sla
metadata: {name: promised}
spec:
  objectives: {latencyP99: 60s, latencyP50: 1us, availability: 99.9%%}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-dns}
spec: {domain: web1, service: dns, device: dns, sla: promised}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-bus}
spec: {domain: web1, service: bus, device: pubsub}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web2-dns}
spec: {domain: web2, service: dns, device: dns}
""".replace("EVIL", EVIL)

ASK_FOR_EVER = "import socket, time\nwhile True:\n  socket.gethostbyname('web.test')\n  time.sleep(0.01)"


class Proxy:
    """`vsctl ui`, and its address."""

    def __init__(self, node):
        self.process = node.popen("ui", "--quiet", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.address = self.process.stdout.readline().strip()
        match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([0-9a-f]{48})/ui", self.address)
        assert match, self.address + self.process.stderr.read()
        self.port, self.secret = int(match[1]), match[2]

    def ask(self, method, target, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read().decode()
        finally:
            connection.close()

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


class PageTest(Assertions):
    """A node, and its page in a browser: a new tab for each test."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.close)
        cls.node.apply(DOCUMENTS)
        cls.proxy = Proxy(cls.node)
        cls.addClassCleanup(cls.proxy.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.page = self.browser.page()
        self.addCleanup(self.page.close)
        self.page.go(self.proxy.address)
        self.page.wait("document.querySelector('#state.on')", "the page to be live")

    def tearDown(self):
        """Whatever was looked at: nothing was loaded from elsewhere, nothing broke, no policy was violated, nothing ran."""
        self.assertEqual(self.page.evaluate("window.seen"), [])
        self.assertEqual(self.page.complaints, [])
        self.assertIsNone(self.page.evaluate("window.hacked ?? null"))
        self.assertEqual(self.page.evaluate("document.querySelectorAll('img, iframe, object, [onerror]').length"), 0)
        base = self.proxy.address.removesuffix("ui")
        self.assertEqual([url for url in self.page.requests if not url.startswith(base)], [])
        if keep := os.environ.get("VS_PICTURES"):
            self.page.picture(pathlib.Path(keep) / f"{self._testMethodName}.png")

    def show(self, view):
        self.page.evaluate(f"location.hash = {json.dumps('#/' + view)}")
        self.page.wait("document.querySelector('main h1')")

    def load(self, *command):
        guest = self.node.popen("run", "web1", "--", *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(guest.wait)
        self.addCleanup(guest.kill)

    def cells(self, row):
        """The cells of the row whose head is `row`, by the heads of their columns."""
        return self.page.evaluate(f"""(() => {{
          const head = [...document.querySelectorAll("tbody th")].find((one) => one.innerText.trim() === {json.dumps(row)});
          return head ? Object.fromEntries([...head.parentElement.children].map((one) => [one.dataset.head, one.innerText.trim()])) : null;
        }})()""")


class Ui(PageTest):
    def test_overview_shows_the_node_and_its_load_as_pictures(self):
        self.load("python3", "-c", ASK_FOR_EVER)
        self.page.wait("/\\d\\/s/.test(document.querySelector('.tile dd').innerText) && parseFloat(document.querySelector('.tile dd').innerText) > 0",
                       "requests to be seen")
        self.page.wait("document.querySelectorAll('rect.bar').length > 0", "a histogram")
        tiles = self.page.evaluate("Object.fromEntries([...document.querySelectorAll('.tile')].map((one) => one.innerText.split('\\n').filter(Boolean)))")
        self.assertEqual({name: tiles[name] for name in ("Domains", "Bound", "Denied", "Failed", "Backends up")},
                         {"Domains": str(len(json.loads(self.node.vsctl("get", "domains", "-o", "json").stdout)["items"])),
                          "Bound": "2 of 3", "Denied": "1", "Failed": "0", "Backends up": "2 of 2"})
        self.assertRegex(tiles["p99"], r"^[\d.]+ (ns|\u00b5s|ms|s)$")
        for picture in ("Requests by service: ", "Latency of all services: p50", "How long requests took: ", "requests of dns: "):
            self.page.wait(f"document.querySelector('svg[role=img][aria-label^={json.dumps(picture)}]')", picture)
        self.assertIn(self.page.evaluate("document.querySelector('#node').innerText"), self.page.evaluate("document.title"))
        self.assertIn("dns up", self.page.text())

    def test_bindings_say_who_may_and_why_not(self):
        self.show("bindings")
        self.page.wait("document.querySelectorAll('tbody tr').length >= 3")
        self.assertEqual(self.cells("web1-dns")["State"], "Bound")
        denied = self.cells("web2-dns")
        self.assertEqual((denied["Domain"], denied["Service"], denied["State"]), ("web2", "dns", "Denied"))
        self.assertEqual(denied["Why"], f"{EVIL} is not let in")
        self.page.evaluate("document.querySelector('#choice').value = 'Denied'; document.querySelector('#choice').dispatchEvent(new Event('change'))")
        self.page.wait("document.querySelectorAll('tbody tr').length === 1")
        self.assertEqual(self.page.evaluate("document.querySelector('tbody th').innerText.trim()"), "web2-dns")

    def test_a_binding_shows_its_decision_promise_and_latency(self):
        self.load("python3", "-c", ASK_FOR_EVER)
        self.show("bindings/web1-dns")
        self.page.wait("[...document.querySelectorAll('tbody .badge')].some((one) => one.innerText === 'missed')", "the promise to be judged")
        text = self.page.text()
        for said in ("web1 may", "allow-web1", "What was promised", "99.9%", "Wait before service"):
            self.assertIn(said, text)
        self.assertTrue(self.cells("p50")[""].startswith("missed"))
        self.assertTrue(self.cells("p99")[""].startswith("kept"))
        self.assertEqual(self.cells("Allowed")["So"], "True")
        self.assertTrue(self.page.evaluate("Boolean(document.querySelector('line.mark-line'))"))  # where the promise lies
        self.assertRegex(self.cells("Together")["p99"], r"^[\d.]+ (ns|\u00b5s|ms|s)$")
        wait_until(lambda: (self.cells("p50 (*)") or {}).get("Budget left", "").startswith("-"), "vsmgrd to have counted what was missed")
        self.assertEqual(self.cells("p50 (*)")["Promised"], "50 %")
        self.assertEqual(self.cells("p99 (*)")["Last 5m"], "100 %")

    def test_what_others_wrote_is_text(self):
        self.show("domains/web1")
        self.page.wait("document.querySelector('details')")
        self.assertIn(EVIL, self.page.text())
        self.page.press("summary")
        self.show("bindings/web2-dns")
        self.page.wait("document.querySelector('details')")
        self.assertIn(f"{EVIL} is not let in", self.page.text())
        self.show("domains/" + EVIL.replace("/", ""))  # in the address, too
        self.page.wait("document.querySelector('.trouble')")
        self.assertEqual(self.page.text("h1"), EVIL)
        self.page.complaints.clear()  # the browser notes the 400 or 404
        refused = self.node.vsctl("apply", "-f", "-", text=domain(json.dumps(EVIL)))
        self.assertEqual(refused.returncode, 2, refused.stderr)  # what has a name of its own cannot have this one

    def test_channels_show_what_guests_publish(self):
        self.assertRan(self.node.run("web1", str(BIN / "channel"), "pub", "room.north", "21"))
        strange = self.node.run("web1", str(BIN / "channel"), "pub", "a.<b>", "1")  # guests choose the names of channels
        self.show("channels")
        self.page.wait("[...document.querySelectorAll('tbody th')].some((one) => one.innerText.trim() === 'room.north')", "the channel")
        self.assertEqual(self.cells("room.north")["Subscribers"], "0")
        if strange.returncode == 0:
            self.page.wait("[...document.querySelectorAll('tbody th')].some((one) => one.innerText.trim() === 'a.<b>')", "the strange one")

    def test_events_come_as_they_happen(self):
        self.show("events")
        self.page.wait("document.querySelectorAll('tbody tr').length > 0")
        self.node.apply(domain("just-now"))
        self.page.wait("[...document.querySelectorAll('tbody tr')].some((one) => /domain.created[^]*just-now/.test(one.innerText))", "the event")
        self.page.press(".tools button")
        self.assertRan(self.node.vsctl("delete", "domain", "just-now"))
        self.page.press(".tools button")
        self.page.wait("[...document.querySelectorAll('tbody tr')].some((one) => /domain.deleted[^]*just-now/.test(one.innerText))", "the end")

    def test_dark_light_and_narrow_screens_are_served(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        light = self.page.evaluate(ground)
        self.page.look_like(dark=True)
        self.assertNotEqual(self.page.evaluate(ground), light)
        self.page.look_like(width=360, height=740, mobile=True)
        for view in ("", "bindings", "bindings/web1-dns", "domains/web1", "services/dns", "channels", "warnings", "events"):
            self.show(view)
            self.page.wait("!document.querySelector('main').innerText.includes('Loading')")
            self.assertLessEqual(self.page.evaluate("document.documentElement.scrollWidth"), 360, view)

    def test_it_can_be_used_without_eyes_or_mouse(self):
        for view in ("", "domains", "bindings", "bindings/web1-dns", "services", "channels", "warnings", "events"):
            self.show(view)
            self.page.wait("!document.querySelector('main').innerText.includes('Loading')")
            faults = self.page.evaluate("""(() => {
              const faults = [];
              const all = (selector) => [...document.querySelectorAll(selector)];
              if (all("h1").length !== 1) faults.push("not one heading");
              if (all("main").length !== 1 || all("nav[aria-label]").length !== 1) faults.push("landmarks");
              for (const one of all("svg")) if (!one.getAttribute("aria-label") || one.getAttribute("role") !== "img") faults.push("a picture without a name");
              for (const one of all("input, select")) if (one.labels.length === 0) faults.push("a field without a label");
              for (const one of all("a, button")) if (!one.innerText.trim()) faults.push("a link without a text");
              for (const one of all("th")) if (!one.scope) faults.push("a head of nothing");
              for (const one of all("meter")) if (!one.getAttribute("aria-label")) faults.push("a meter without a name");
              const ids = all("[id]").map((one) => one.id);
              if (new Set(ids).size !== ids.length) faults.push("an id twice");
              if (all("nav a[aria-current=page]").length !== 1) faults.push("which view is this");
              return faults;
            })()""")
            self.assertEqual(faults, [], view)
        self.page.evaluate("document.querySelector('nav a[href=\"#/events\"]').click()")
        self.page.wait("document.activeElement === document.querySelector('main')", "the new view to have the focus")

    def test_only_the_page_comes_through_and_only_to_who_knows_the_address(self):
        ask = self.proxy.ask
        secret = "/" + self.proxy.secret
        self.assertEqual(ask("GET", secret + "/ui")[0], 200)
        self.assertIn("default-src 'none'", ask("GET", secret + "/ui")[1]["Content-Security-Policy"])
        self.assertEqual(ask("GET", "/ui")[0], 404)
        self.assertEqual(ask("GET", "/" + "0" * 48 + "/ui")[0], 404)
        for hidden in ("/v1/tokens", "/v1/audit", "/v1/bindings/../tokens", "/openapi.json"):
            self.assertEqual(ask("GET", secret + hidden)[0], 404, hidden)
        self.assertEqual(ask("POST", secret + "/v1/apply")[0], 405)
        self.assertEqual(ask("DELETE", secret + "/v1/domains/web1")[0], 405)
        self.assertEqual(ask("GET", secret + "/ui", Host="evil.test")[0], 403)
        self.assertEqual(ask("GET", secret + "/v1/bindings/none")[0], 404)

    def test_the_sockets_serve_it_to_viewers_too(self):
        viewer = Rest(self.node.run_directory / "vsmgrd-ro.sock")
        self.assertEqual(viewer.get("/ui").status, 200)
        self.assertEqual(viewer.get("/ui/app.js").type, "text/javascript; charset=utf-8")

    def test_a_daemon_that_goes_away_and_comes_back_is_noticed(self):
        self.node.manager.send_signal(signal.SIGTERM)
        self.node.manager.wait(PATIENCE_S)
        self.page.wait("document.querySelector('#state.off')", "the page to say so")
        self.assertIn("vsmgrd", self.page.text("#state"))
        self.node.start_manager()
        self.page.wait("document.querySelector('#state.on')", "the page to be live again")
        self.node.apply(domain("afterwards"))
        self.show("events")
        self.page.wait("[...document.querySelectorAll('tbody tr')].some((one) => one.innerText.includes('afterwards'))", "events to come again")
        self.assertRan(self.node.vsctl("delete", "domain", "afterwards"))
        self.page.complaints[:] = [one for one in self.page.complaints if "502" not in one]  # while it was away


class Many(PageTest):
    def test_ten_thousand_bindings_are_shown_a_page_at_a_time(self):
        documents = [{"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": f"many-{i:03}"}, "spec": {"type": "container"}}
                     for i in range(DOMAINS)]
        documents += [{"apiVersion": "vservices/v1", "kind": "Binding", "metadata": {"name": f"z-{i:05}"},
                       "spec": {"domain": f"many-{i % DOMAINS:03}", "service": "dns", "device": f"d{i // DOMAINS}"}} for i in range(MANY)]
        self.assertRan(self.node.vsctl("apply", "--no-wait", "-f", "-", text="\n---\n".join(map(json.dumps, documents))))
        self.show("bindings")
        self.page.wait("document.querySelector('.pages').innerText.includes('of 10,003')", "all to be counted")
        self.page.wait(f"document.querySelectorAll('tbody tr').length === {PAGE}")
        self.page.press(".pages button:last-of-type")
        self.page.wait(f"document.querySelector('.pages').innerText.startsWith('{PAGE + 1} to {2 * PAGE} of')")
        self.assertEqual(self.page.evaluate("document.querySelectorAll('tbody tr').length"), PAGE)
        self.page.press(".pages button:first-of-type")
        self.page.wait(f"document.querySelector('.pages').innerText.startsWith('1 to {PAGE} of')")
        self.page.evaluate("document.querySelector('#search').value = 'z-099'; document.querySelector('#search').dispatchEvent(new Event('input'))")
        self.page.wait("document.querySelector('tbody th')?.innerText.trim() === 'z-09900'", "what was searched for")
        self.assertIn("and more", self.page.text(".pages"))
        self.page.press(".pages button:last-of-type")
        self.page.wait("document.querySelector('tbody th')?.innerText.trim() === 'z-09950'")
        self.assertTrue(self.page.evaluate("document.querySelector('.pages button:last-of-type').disabled"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
