"""A web server on loopback that takes messages and answers as a test says: well, badly, late, or never."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """How one request is answered. `trouble` is "", hang (no answer), dribble (a head that never ends) or reset."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "ok"
    trouble: str = ""


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """`replies` are given one after another, the last one for ever; `posted` is what was sent here."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.receiver.posted.append(Posted(self.path, dict(self.headers), body))
        reply = self.receiver.next_reply()
        self.close_connection = True
        if reply.trouble:
            self.make_trouble(reply.trouble)
            return
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body.encode())

    do_GET = do_PUT = do_POST  # noqa: N815  # the names that http.server calls

    def make_trouble(self, trouble: str) -> None:
        if trouble == "dribble":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while trouble != "reset" and not self.receiver.over.wait(0.05):
            if trouble == "dribble":
                try:
                    self.wfile.write(b"x")
                except (OSError, ValueError):
                    return

    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed, or that do not trust the certificate, are what these tests are about."""


@contextmanager
def receiving(*replies: Reply, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver for as long as the context lasts; it speaks HTTPS with `tls`."""
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if tls else "http"
    receiver = Receiver(f"{scheme}://127.0.0.1:{server.server_port}", list(replies) or [Reply()])
    server.RequestHandlerClass = type("Bound", (Handler,), {"receiver": receiver})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
