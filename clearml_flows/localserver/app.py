"""The API as an ASGI application. Every request gets an envelope, also after an error."""

import json
import logging
import re
from dataclasses import replace

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from clearml_flows.localserver import errors, schema, services, wire
from clearml_flows.localserver.accounts import NOBODY, USER, Accounts, Identity
from clearml_flows.localserver.registry import ENDPOINTS, Call, Endpoint, Server
from clearml_flows.localserver.services.queues.watch import ensure_first
from clearml_flows.localserver.services.users import ensure_user
from clearml_flows.localserver.store.database import Store

log = logging.getLogger(__name__)
_UNSAFE_IN_FILENAMES = re.compile(r"[^\w. -]", re.ASCII)
METHODS = ["GET", "POST", "PUT"]


def api_app(store: Store, accounts: Accounts) -> ASGIApp:
    """Return the ASGI app for `/v<version>/<service>.<action>` (the version is optional).

    Creates the first queues and the user if they are missing.
    """
    services.load()
    server = Server(store, accounts)
    with store.write() as db:
        for ensure in (ensure_first, ensure_user):
            ensure(Call(server, db, {}, Identity(USER, accounts.own_key)))
    missing: set[str] = set()

    async def answer(request: Request) -> Response:
        target = wire.Target("", "1.0")
        try:
            target = wire.target(request.url.path)
            endpoint = _find(target, missing)
            target = wire.Target(target.name, target.version, known=True)
            body = await request.body() or (b"" if endpoint.batch else _query(request))
            data = await run_in_threadpool(_answer, server, endpoint, request, body, target.number)
            if isinstance(data, wire.Download):
                return _download(data)
            content, status = wire.success(target, data), 200
        except errors.ApiError as error:
            content, status = wire.failure(target, error), error.code
        except Exception:
            log.exception("%s failed", target.name)
            content, status = wire.failure(target, errors.ApiError("see the server's log")), errors.ApiError.code
        return JSONResponse(content, status)

    return Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])


def _download(file: wire.Download) -> Response:
    # The file name contains a project's name. Quotes and line breaks in it would break the header.
    name = _UNSAFE_IN_FILENAMES.sub("_", file.filename)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store, max-age=0"}
    return StreamingResponse(file.content, media_type=file.media_type, headers=headers)


def _query(request: Request) -> bytes:
    """Return a URL's query parameters as a JSON body, for requests without a body.

    A person can then call the API from a browser or curl.
    """
    values = {name: request.query_params.getlist(name) for name in request.query_params}
    return json.dumps({name: found if len(found) > 1 else found[0] for name, found in values.items()}).encode()


def _find(target: wire.Target, missing: set[str]) -> Endpoint:
    endpoint = ENDPOINTS.get(target.name)
    if endpoint and target.number < schema.table(target.name).since:
        raise errors.UnknownEndpoint(target.name, target.version)
    if endpoint is None:
        # Log each name once. Clients choose the names, so the set is limited.
        if target.name not in missing and len(missing) < 1_000:
            missing.add(target.name)
            log.warning("%s is not implemented", target.name)
        raise errors.UnknownEndpoint(target.name, target.version)
    return endpoint


def _answer(
    server: Server, endpoint: Endpoint, request: Request, body: bytes, version: wire.Version
) -> wire.Json | wire.Download:
    identity = _identify(server, endpoint, request)
    data = wire.parse_batch(body) if endpoint.batch else wire.parse(body)
    try:
        return endpoint.answer(server, data, identity, version)
    except (RecursionError, OverflowError, UnicodeError) as error:
        # The body is nested too deeply, or has a number or text that the database cannot store.
        raise errors.BadRequest from error


def _identify(server: Server, endpoint: Endpoint, request: Request) -> Identity:
    """Return the identity of a request. An open endpoint also accepts invalid credentials.

    Raises:
        errors.Unauthorized: The endpoint is not open and the credentials are invalid.
    """
    worker = request.headers.get("x-clearml-worker", "")[:200]
    used_from = worker or (request.client.host if request.client else "")
    try:
        identity = server.accounts.authenticate(request.headers.get("authorization", ""), used_from)
        return replace(identity, worker=worker) if worker else identity
    except errors.Unauthorized:
        if endpoint.open:
            return NOBODY
        raise
