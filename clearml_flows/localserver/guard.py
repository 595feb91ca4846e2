"""Check the host, origin and size of every request before an app handles it.

The server listens on loopback, but any page in the user's browser can send requests to it. So Host and Origin must
be the server's own. This also refuses foreign names that resolve to 127.0.0.1. GET requests are checked too,
because ClearML clients write with GET.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 * 1024
IDLE_SECONDS = 30.0
_DRAIN_BYTES = 16 * 1024 * 1024
_DRAIN_SECONDS = 2.0

Refuse = Callable[[Scope, int, str], Response]


class Guard:
    """ASGI middleware that refuses requests not meant for this server.

    Args:
        refuse: Builds the answer to a refused request from its scope, status and message.
        chunked: Accept bodies without Content-Length. The app must then limit their size.
    """

    def __init__(self, app: ASGIApp, port: int, max_body: int, refuse: Refuse, chunked: bool = False) -> None:
        self.app = app
        self.max_body = max_body
        self.refuse = refuse
        self.chunked = chunked
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = self._problem(scope, Headers(scope=scope))
        if problem is None:
            await self.app(scope, _IdleLimit(receive), send)
            return
        response = self.refuse(scope, *problem)
        response.headers["connection"] = "close"
        await response(scope, receive, _lingering(send, receive))

    def _problem(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        return _malformed(scope, headers) or self._foreign(headers) or self._unreadable(headers)

    def _foreign(self, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return 403, f"expected this server's own host, got '{host[:100]}'"
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self.origins:
            return 403, "requests from other origins are refused"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_navigation(headers):
            return 403, "requests from other sites are refused"
        return None

    def _unreadable(self, headers: Headers) -> tuple[int, str] | None:
        if headers.get("content-encoding", "identity").lower() != "identity":
            return 415, "compressed bodies are not accepted; send the body uncompressed"
        if "transfer-encoding" in headers and not self.chunked:
            return 411, "the body needs a Content-Length"
        if int(headers.get("content-length", "0")) > self.max_body:
            return 413, f"the body is larger than {self.max_body} bytes"
        return None


def _malformed(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    if not scope["raw_path"].startswith(b"/"):
        return 400, "the request target must be a path"
    if len(headers.raw) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
        return 431, "the request has too many headers"
    if "transfer-encoding" in headers and "content-length" in headers:
        return 400, "the request has both Content-Length and Transfer-Encoding"
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return 400, "Content-Length is not a number"
    return None


def _is_navigation(headers: Headers) -> bool:
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


class _IdleLimit:
    """Receive function that reports a disconnect if a body pauses longer than 30 seconds."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), IDLE_SECONDS)
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._complete = not message.get("more_body", False)
        return message


def _lingering(send: Send, receive: Receive) -> Send:
    """Return a send function that reads the rest of the body before the answer ends.

    The rest is limited in size and time. A connection closed with unread bytes is reset, and the client may never see
    the answer.
    """

    async def linger(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_drain(receive), _DRAIN_SECONDS)
        await send({"type": "http.response.body", "body": b""})

    return linger


async def _drain(receive: Receive) -> None:
    drained = 0
    while drained < _DRAIN_BYTES:
        message: dict[str, Any] = dict(await receive())
        if not message.get("more_body", False):
            return
        drained += len(message.get("body", b""))
