"""A Kaggle on loopback that speaks the client's protocol, well or badly as told.

Kaggle's client POSTs JSON to /v1/<service>/<method>; DownloadDataset answers with a redirect to a signed link, which is
then fetched without credentials.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """How one download is answered; `trouble` is "" or one of reset, cut, stall, in the middle of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/csv"
    headers: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass
class FakeKaggle:
    """`answers` are given one after another, the last one for ever; `requests` are what was asked."""

    url: str
    answers: list[Answer]
    requests: list[tuple[str, dict[str, str], dict[str, object]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def downloads(self) -> list[dict[str, object]]:
        return [asked for path, _, asked in self.requests if path.endswith("/DownloadDataset")]

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    kaggle: FakeKaggle

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.kaggle.requests.append((self.path, dict(self.headers), asked))
        first = self.kaggle.answers[0]
        if self.path.endswith("/IntrospectToken"):
            self.give(Answer(body=b'{"active": true, "username": "someone"}', content_type="application/json"))
        elif first.status != 200 or first.content_type == "application/json":
            self.give(self.kaggle.next_answer())
        else:
            link = f"{self.kaggle.url}/storage/signed?signature=sesame"
            self.give(Answer(302, headers={"Location": link}))

    def do_GET(self) -> None:
        self.kaggle.requests.append((self.path, dict(self.headers), {}))
        self.give(self.kaggle.next_answer())

    def give(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.trouble else answer.body)
        if answer.trouble == "stall":
            self.kaggle.over.wait(60)
        if answer.trouble == "reset":
            # With a linger of zero, closing sends RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        del format, args


@contextmanager
def fake_kaggle(*answers: Answer) -> Iterator[FakeKaggle]:
    """Run a fake Kaggle for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kaggle = FakeKaggle(f"http://127.0.0.1:{server.server_port}", list(answers))
    server.RequestHandlerClass = type("Bound", (Handler,), {"kaggle": kaggle})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kaggle
    finally:
        kaggle.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
