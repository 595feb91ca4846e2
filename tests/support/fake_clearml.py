"""A ClearML Server on loopback that knows one user with a password, and makes and revokes keys, as the real one does.

Users log in by Basic authentication, with a password or a key; a token does for all else. What it is asked is held
against the SDK's request schemas, what it answers against their response schemas.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema

from tests.support.api import check_answer, sdk_classes

TOKEN = "a-token"


@dataclass
class FakeClearML:
    """`keys` are those that were made and not revoked, by their access key; `asked` the endpoints in order."""

    url: str
    password: str
    user: str
    keys: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    trouble: str = ""

    def answer(self, endpoint: str, authorization: str, body: dict[str, Any]) -> tuple[int, int, str, dict[str, Any]]:
        """Status, subcode, message and data."""
        self.asked.append(endpoint)
        if endpoint == self.trouble:
            return 500, 0, "General data error", {}
        if endpoint == "auth.login":
            return self._login(authorization)
        if authorization != f"Bearer {TOKEN}":
            return 401, 20, "Unauthorized (missing credentials)", {}
        if endpoint == "auth.create_credentials":
            jsonschema.validate(body, sdk_classes("Request")[endpoint]._schema)
            number = len(self.labels)
            key = {"access_key": f"MADE{number}", "secret_key": f"made-secret-{number}", "label": body.get("label")}
            self.labels.append(str(body.get("label")))
            self.keys[str(key["access_key"])] = str(key["secret_key"])
            return 200, 0, "OK", {"credentials": key}
        if endpoint == "auth.revoke_credentials":
            return 200, 0, "OK", {"revoked": int(self.keys.pop(body["access_key"], None) is not None)}
        return 404, 0, f"Unable to find endpoint for name {endpoint}", {}

    def _login(self, authorization: str) -> tuple[int, int, str, dict[str, Any]]:
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode("latin-1").partition(":")
        if {**self.keys, self.user: self.password}.get(name) != secret:
            return 401, 22, "Unauthorized (invalid credentials) (failed to locate provided credentials)", {}
        return 200, 0, "OK", {"token": TOKEN}


class Handler(BaseHTTPRequestHandler):
    server_of: FakeClearML

    def do_POST(self) -> None:
        endpoint = self.path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        status, subcode, message, data = self.server_of.answer(endpoint, self.headers.get("Authorization", ""), body)
        if status == 200:
            check_answer(endpoint, data)
        names = {"name": endpoint, "requested_version": "2.34", "actual_version": "1.0"}
        meta = {"id": "a", "trx": "a", "endpoint": names, "result_code": status, "result_subcode": subcode}
        meta |= {"result_msg": message, "error_stack": None, "error_data": {}}
        self._send(status, json.dumps({"meta": meta, "data": data}))

    def do_GET(self) -> None:
        """Its page."""
        self._send(200, "<!doctype html>")

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


@contextmanager
def fake_clearml(user: str, password: str) -> Iterator[FakeClearML]:
    """Run one for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = FakeClearML(f"http://127.0.0.1:{server.server_port}", password, user)
    server.RequestHandlerClass = type("Bound", (Handler,), {"server_of": fake})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
