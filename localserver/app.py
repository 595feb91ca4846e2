"""The API as an ASGI application: from a request to an envelope, whatever happens."""

import json
import logging

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from localserver import errors, schema, services, wire
from localserver.registry import ENDPOINTS, USER, Call, Endpoint, Server, authenticate
from localserver.services.queues.watch import ensure_default
from localserver.store.database import Store
from localserver.tokens import Tokens

log = logging.getLogger(__name__)
METHODS = ["GET", "POST", "PUT"]


def api_app(store: Store, tokens: Tokens, access_key: str, secret_key: str) -> ASGIApp:
    """`/v<version>/<service>.<action>` (the version may be left out), for the holder of the key pair or of a token."""
    services.load()
    server = Server(store, tokens, access_key, secret_key)
    with store.write() as db:
        ensure_default(Call(server, db, {}, USER))
    missing: set[str] = set()

    async def answer(request: Request) -> JSONResponse:
        target = wire.Target("", "1.0")
        try:
            target = wire.target(request.url.path)
            endpoint = _find(target, missing)
            target = wire.Target(target.name, target.version, known=True)
            body = await request.body() or (b"" if endpoint.batch else _query(request))
            authorization = request.headers.get("authorization", "")
            data = await run_in_threadpool(_answer, server, endpoint, authorization, body, target.number)
            content, status = wire.success(target, data), 200
        except errors.ApiError as error:
            content, status = wire.failure(target, error), error.code
        except Exception:
            log.exception("%s failed", target.name)
            content, status = wire.failure(target, errors.ApiError("see the server's log")), errors.ApiError.code
        return JSONResponse(content, status)

    return Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])


def _query(request: Request) -> bytes:
    """The fields in a URL, for a request that has no body: what a person types into a browser or curl."""
    values = {name: request.query_params.getlist(name) for name in request.query_params}
    return json.dumps({name: found if len(found) > 1 else found[0] for name, found in values.items()}).encode()


def _find(target: wire.Target, missing: set[str]) -> Endpoint:
    endpoint = ENDPOINTS.get(target.name)
    if endpoint and target.number < schema.table(target.name).since:
        raise errors.UnknownEndpoint(target.name, target.version)
    if endpoint is None:
        # Once for each name; the names are the client's, so there is a limit.
        if target.name not in missing and len(missing) < 1_000:
            missing.add(target.name)
            log.warning("%s is not implemented", target.name)
        raise errors.UnknownEndpoint(target.name, target.version)
    return endpoint


def _answer(server: Server, endpoint: Endpoint, authorization: str, body: bytes, version: wire.Version) -> wire.Json:
    user = "" if endpoint.open else authenticate(server, authorization)
    data = wire.parse_batch(body) if endpoint.batch else wire.parse(body)
    try:
        return endpoint.answer(server, data, user, version)
    except (RecursionError, OverflowError, UnicodeError) as error:
        # Nested too deeply, or a number or a text that the database cannot hold.
        raise errors.BadRequest from error
