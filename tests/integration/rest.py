"""A REST client over a node's socket that holds every answer against the API's own description."""

import http.client
import json
import re
import socket

import jsonschema

# What any request may get without each operation saying so.
OF_ANY = {400, 401, 403, 405, 408, 413, 417, 429, 431, 500, 503}


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("vsmgrd.local", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.text = body
        self.type = response.headers.get("Content-Type", "")

    @property
    def json(self):
        return json.loads(self.text)


class Rest:
    def __init__(self, socket_path, timeout=60):
        self.socket_path = socket_path
        self.timeout = timeout
        self.description = json.loads(self._exchange("GET", "/openapi.json").text)

    def ask(self, method, target, body=None, **headers):
        answer = self._exchange(method, target, body, **headers)
        self.check(method, target, answer)
        return answer

    def get(self, target, **headers):
        return self.ask("GET", target, **headers)

    def events(self, target, **headers):
        """Opens a stream: the connection, to be closed, and an iterator of (id, type, data)."""
        connection = Connection(self.socket_path, self.timeout)
        connection.request("GET", target, headers={"Accept": "text/event-stream", **self._named(headers)})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert response.headers["Content-Type"] == "text/event-stream"
        return connection, self._events_of(response)

    def check(self, method, target, answer):
        operation = self._operation(method, target)
        assert operation is not None or answer.status in OF_ANY | {404}, f"{method} {target} is not described"
        responses = operation["responses"] if operation else self.description["components"]["responses"]
        said = responses.get(str(answer.status)) if operation else responses["Failed"]
        if said is None:
            assert answer.status in OF_ANY, f"{method} {target}: {answer.status} is not described: {answer.text}"
            said = responses["default"]
        content = self._resolved(said)["content"]
        assert answer.type in content, f"{method} {target}: {answer.type} is not described"
        if "json" in answer.type:
            schema = {**content[answer.type]["schema"], "components": self.description["components"]}
            jsonschema.Draft7Validator({"allOf": [content[answer.type]["schema"]],
                                        "components": schema["components"]}).validate(answer.json)

    def _exchange(self, method, target, body=None, **headers):
        connection = Connection(self.socket_path, self.timeout)
        try:
            sent = self._named(headers)
            if body is not None:
                kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
                sent.setdefault("Content-Type", kind)
                body = json.dumps(body)
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response, response.read().decode())
        finally:
            connection.close()

    @staticmethod
    def _named(headers):
        return {name.replace("_", "-"): value for name, value in headers.items()}

    @staticmethod
    def _events_of(response):
        fields = {}
        for line in response:
            line = line.decode().rstrip("\n")
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif not line and "data" in fields:
                yield int(fields.get("id", 0)), fields.get("event"), json.loads(fields["data"])
                fields = {}

    def _resolved(self, node):
        if "$ref" not in node:
            return node
        at = self.description
        for step in node["$ref"][2:].split("/"):
            at = at[step]
        return at

    def _operation(self, method, target):
        path = target.split("?")[0]
        for template, operations in self.description["paths"].items():
            form = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            if re.fullmatch(form, path) and method.lower() in operations:
                return operations[method.lower()]
        return None
