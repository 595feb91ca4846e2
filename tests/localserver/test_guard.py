import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from clearml_flows.localserver import guard
from clearml_flows.localserver.guard import Guard
from tests.support.backend import Backend

LIMIT = 1000


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"got {len(body)}")(scope, receive, send)


def refuse(_scope: Scope, code: int, message: str) -> Response:
    return PlainTextResponse(message, code)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Guard(echo, 8900, LIMIT, refuse), base_url="http://127.0.0.1:8900")


METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


@pytest.mark.parametrize("host", ["127.0.0.1:8900", "localhost:8900", "LocalHost:8900", "[::1]:8900"])
def test_our_hosts_pass(client: TestClient, host: str) -> None:
    assert client.get("/x", headers={"host": host}).text == "got 0"


FOREIGN_HOSTS = [
    *("", "evil.example", "evil.example:8900", "127.0.0.1", "127.0.0.1:8901", "127.0.0.1.evil.example:8900"),
    *("127.0.0.1:8900@evil.example", "localhost:8900.", "0.0.0.0:8900", "127.1:8900", "x:8900, 127.0.0.1:8900"),
]
FOREIGN_ORIGINS = [
    *("null", "", "http://evil.example", "https://127.0.0.1:8900", "http://127.0.0.1", "http://127.0.0.1:8901"),
    *("http://localhost:3000", "http://127.0.0.1:8900.evil.example", "file://"),
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts_are_refused(client: TestClient, host: str) -> None:
    codes = {method: client.request(method, "/x", headers={"host": host}).status_code for method in METHODS}
    assert codes == dict.fromkeys(METHODS, 403)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_foreign_origins_are_refused_for_every_method(client: TestClient, origin: str) -> None:
    codes = {method: client.request(method, "/x", headers={"origin": origin}).status_code for method in METHODS}
    assert codes == dict.fromkeys(METHODS, 403)


def test_own_origin_passes(client: TestClient) -> None:
    assert client.post("/x", headers={"origin": "http://localhost:8900"}).status_code == 200


def test_other_sites_may_link_here_but_not_call(client: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/x", headers=link).status_code == 200
    assert client.get("/x", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    image = {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert client.get("/x", headers=image).status_code == 403


def test_bodies_up_to_the_limit_pass(client: TestClient) -> None:
    assert client.post("/x", content=b"x" * LIMIT).text == f"got {LIMIT}"
    assert client.post("/x", content=b"x" * (LIMIT + 1)).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_compressed_bodies_are_refused(client: TestClient, encoding: str) -> None:
    assert client.post("/x", content=b"x", headers={"content-encoding": encoding}).status_code == 415


def test_bodies_without_a_length(client: TestClient) -> None:
    assert client.post("/x", content=iter([b"x"])).status_code == 411
    open_ended = TestClient(Guard(echo, 8900, LIMIT, refuse, chunked=True), base_url="http://127.0.0.1:8900")
    assert open_ended.post("/x", content=iter([b"x"])).text == "got 1"


def test_too_many_headers_are_refused(client: TestClient) -> None:
    assert client.get("/x", headers={f"x-{number}": "y" for number in range(200)}).status_code == 431


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "5, 5", "0x10", "\u0665", "", "9" * 30])
def test_content_length_that_is_no_number(client: TestClient, length: str) -> None:
    headers = {b"content-length": length.encode(), b"host": b"127.0.0.1:8900"}
    assert client.post("/x", headers=headers).status_code == 400


# On the wire, against the real server.


def exchange(backend: Backend, request: bytes, url: str | None = None) -> bytes:
    """Send bytes and return all that comes back until the server closes or says nothing for a while."""
    host, port = (url or backend.api_url).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.replace(b"HOST", f"{host}:{port}".encode()))
        connection.settimeout(1)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def test_a_refusal_on_an_api_path_is_a_whole_envelope(backend: Backend) -> None:
    answer = exchange(backend, b"GET /v2.23/tasks.get_all HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403")
    envelope: dict[str, Any] = json.loads(body)
    assert envelope["meta"]["endpoint"]["name"] == "tasks.get_all"
    assert envelope["meta"]["endpoint"]["requested_version"] == "2.23"
    assert envelope["meta"]["result_code"] == 403
    assert envelope["data"] == {}


def test_oversized_body_is_refused_before_it_is_sent(backend: Backend) -> None:
    answer = exchange(backend, b"POST /debug.ping HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"result_code":413' in answer


def test_oversized_upload_is_refused_before_it_is_sent(backend: Backend) -> None:
    request = b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999999\r\n\r\n"
    assert exchange(backend, request, backend.files_url).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /debug.ping HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        b"POST /debug.ping HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /debug.ping HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /debug.ping HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /debug.ping HTTP/1.1\r\nHost: HOST\r\nContent-Length : 5\r\n\r\nhello",
        b"GET /debug.ping HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
        b"GET /debug.ping HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/debug.ping HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"GET debug.ping HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /debug.ping HTTP/1.1\r\nHost: HOST\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 200_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
    ],
)
def test_ambiguous_or_excessive_requests_are_refused_once(backend: Backend, request_bytes: bytes) -> None:
    answer = exchange(backend, request_bytes)
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"411", b"431", b"501"), answer
    assert answer.count(b"HTTP/1.1") <= 1


def ping_seconds(backend: Backend) -> float:
    before = time.monotonic()
    assert b'"result_code":200' in exchange_one(backend)
    return time.monotonic() - before


def exchange_one(backend: Backend) -> bytes:
    return exchange(backend, b"GET /debug.ping HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")


def test_slow_clients_hold_up_nobody(backend: Backend) -> None:
    host, port = backend.api_url.removeprefix("http://").split(":")
    starts = [
        b"GET /debug.p",
        b"POST /v2.23/tasks.get_all HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\n{",
    ]
    stuck = [socket.create_connection((host, int(port)), timeout=10) for _ in range(40)]
    try:
        for number, connection in enumerate(stuck):
            connection.sendall(starts[number % 2].replace(b"HOST", f"{host}:{port}".encode()))
        assert ping_seconds(backend) < 2
    finally:
        for connection in stuck:
            connection.close()


def test_a_client_that_stops_in_its_body_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "IDLE_SECONDS", 0.05)
    seen: list[str] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    run_stuck(Guard(app, 8900, LIMIT, refuse))
    assert seen == ["http.request", "http.disconnect"]


def run_stuck(app: Callable[[Scope, Receive, Send], Any]) -> None:
    """Call an app with a body whose second half never comes."""
    first = iter([{"type": "http.request", "body": b"x", "more_body": True}])

    async def receive() -> Any:
        for message in first:
            return message
        return await asyncio.Future()

    async def send(_message: Any) -> None:
        pass

    headers = [(b"host", b"127.0.0.1:8900"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "headers": headers}
    thread = threading.Thread(target=lambda: asyncio.run(app(scope, receive, send)))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
