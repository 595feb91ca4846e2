"""The server process: one lock, two sockets, and one event loop until a signal."""

import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import uvicorn
from filelock import Timeout
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearml_flows.localserver import ports, wire
from clearml_flows.localserver.accounts import Accounts
from clearml_flows.localserver.app import api_app
from clearml_flows.localserver.connections import Protocol
from clearml_flows.localserver.credentials import (
    CorruptCredentials,
    Credentials,
    load_or_create,
    make_private_folder,
    write_config,
)
from clearml_flows.localserver.errors import ApiError, BadRequest
from clearml_flows.localserver.files import MAX_UPLOAD_BYTES, files_app
from clearml_flows.localserver.guard import MAX_HEADER_BYTES, Guard
from clearml_flows.localserver.launcher import INSTANCE_HEADER
from clearml_flows.localserver.pages.app import pages_app
from clearml_flows.localserver.state import (
    DATABASE,
    FILES,
    STAGING,
    STATE,
    Failure,
    ServerState,
    read_state,
    server_lock,
    write_state,
)
from clearml_flows.localserver.storage import RefusedPath, Storage
from clearml_flows.localserver.store.database import Store, StoreError, open_store
from clearml_flows.localserver.swap import finish
from clearml_flows.localserver.tokens import Tokens

# The SDK splits requests at 15 MiB (api.http.max_req_size).
MAX_API_BODY = 32 * 1024**2
_LOCK_SECONDS = 0.5
_MAX_CONNECTIONS = 2000
_PARENT_SECONDS = 0.5
# The same as nginx in front of ClearML Server. With uvicorn's 5 seconds, clients that paused met closed connections.
_KEEP_ALIVE_SECONDS = 75


def serve(data_dir: Path, api_port: int = 0, files_port: int = 0, parent: int | None = None) -> None:
    """Serve a data directory until SIGTERM, SIGINT, or the end of the process `parent`.

    Raises:
        Failure: The directory, its data or a port cannot be used.
    """
    folder = data_dir.absolute()
    with _told(folder), contextlib.ExitStack() as stack:
        make_private_folder(folder)
        stack.enter_context(_lock(folder))
        state = ServerState(os.getpid(), psutil.Process().create_time(), secrets.token_hex(16))
        write_state(folder, state)
        stack.callback((folder / STATE).unlink, missing_ok=True)
        finish(folder)
        credentials = load_or_create(folder)
        storage = Storage(folder / FILES, folder / STAGING)
        store = stack.enter_context(contextlib.closing(open_store(folder / DATABASE)))
        sockets = ports.bind(folder, api_port, files_port)
        state = replace(state, api_port=sockets[0].getsockname()[1], files_port=sockets[1].getsockname()[1])
        with store.write() as db:
            db.links.follow(state.files_port, ports.read_remembered(folder).get("files"))
        ports.remember(folder, state.api_port, state.files_port)
        write_config(folder, credentials, state.api_url, state.files_url)
        write_state(folder, state)
        if parent is not None:
            threading.Thread(target=_end_with, args=[parent], daemon=True).start()
        _run(_combined(state, store, storage, credentials), list(sockets))


def _combined(state: ServerState, store: Store, storage: Storage, credentials: Credentials) -> ASGIApp:
    """Return an ASGI app with the API and pages on one port, and the file server on another."""
    tokens = Tokens(credentials.token_secret)
    accounts = Accounts(store, tokens, credentials.access_key, credentials.secret_key)
    files = files_app(storage, accounts, max_bytes=MAX_UPLOAD_BYTES)
    api, pages = api_app(store, accounts), pages_app(store, storage, state.files_url)

    async def api_and_pages(scope: Scope, receive: Receive, send: Send) -> None:
        await (api if wire.is_api_path(scope["path"]) else pages)(scope, receive, send)

    apps = {
        state.api_port: Guard(api_and_pages, state.api_port, MAX_API_BODY, _refuse_api),
        state.files_port: Guard(files, state.files_port, MAX_UPLOAD_BYTES, _refuse_plain, chunked=True),
    }
    instance = (INSTANCE_HEADER.encode(), state.instance.encode())

    async def combined(scope: Scope, receive: Receive, send: Send) -> None:
        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), instance]}
            await send(message)

        await apps[scope["server"][1]](scope, receive, signed)

    return combined


def _refuse_api(scope: Scope, code: int, message: str) -> Response:
    if not wire.is_api_path(scope["path"]):
        return _refuse_plain(scope, code, message)
    try:
        target = wire.target(scope["path"])
    except BadRequest:
        target = wire.Target("", "")
    return JSONResponse(wire.failure(target, _Refused(code, message)), code)


class _Refused(ApiError):
    def __init__(self, code: int, message: str) -> None:
        super().__init__()
        self.code = code
        self.args = (message,)


def _refuse_plain(_scope: Scope, code: int, message: str) -> Response:
    return PlainTextResponse(message + "\n", code)


def _run(app: ASGIApp, sockets: list[socket.socket]) -> None:
    _allow_many_connections()
    # uvicorn raises the signal again after its shutdown. Ignore it, so that `serve` returns and cleans up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(_config(app)).run(sockets=sockets)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=_LOGGING,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )


def _end_with(pid: int) -> None:
    """Wait for a process to end, then send SIGTERM to this process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        # is_running() is also true for a zombie.
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_PARENT_SECONDS)
    while True:
        # Repeat, because the event loop may not handle signals yet.
        signal.raise_signal(signal.SIGTERM)
        time.sleep(_PARENT_SECONDS)


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}


def _allow_many_connections() -> None:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MAX_CONNECTIONS + 512
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    lock = server_lock(folder)
    try:
        # `down` and `flows doctor` hold the lock for a moment to check whether it is free, so wait briefly.
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        state = read_state(folder)
        holder = f"process {state.pid}" if state else "another process"
        raise Failure(f"{folder} is already served by {holder}; use that server, or stop it first") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Raise known problems of a data directory as a Failure with a one-line message."""
    try:
        yield
    except (CorruptCredentials, RefusedPath, StoreError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"cannot use the data directory {folder}: {error.strerror or error}") from None
