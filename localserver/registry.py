"""Which endpoints there are. `@endpoint("tasks.get_by_id", required=("task",))` above a function makes it one."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from localserver import errors, fields, schema
from localserver.store.database import Store
from localserver.store.session import Session
from localserver.tokens import Tokens
from localserver.wire import NEWEST, Json, Version


@dataclass(frozen=True, slots=True)
class Server:
    """What one server has: its data, and whom it lets in."""

    store: Store
    tokens: Tokens
    access_key: str
    secret_key: str

    def knows(self, access_key: str, secret_key: str) -> bool:
        same = [
            hmac.compare_digest(given.encode(), own.encode())
            for given, own in ((access_key, self.access_key), (secret_key, self.secret_key))
        ]
        return all(same)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, inside its own transaction (`db`), from the user who was let in.

    `version` is the API version that the request names in its path: some endpoints answer old clients otherwise.
    """

    server: Server
    db: Session
    data: Json
    user: str
    version: Version = NEWEST

    def asking(self, data: Json) -> "Call":
        """The same call with other data."""
        return replace(self, data=data)


Handler = Callable[[Call], Json]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`writes`: its transaction may write. `open`: for everybody. `batch`: its body is JSON lines."""

    name: str
    handler: Handler
    required: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False
    open: bool = False
    batch: bool = False

    def checked(self, data: Json) -> Json:
        """The request, checked against the endpoint's table; for a batch each of its requests."""
        table = schema.table(self.name)
        if not self.batch:
            return fields.check(table, data)
        return {"requests": [fields.check(table, request) for request in data["requests"]]}

    def answer(self, server: Server, data: Json, user: str, version: Version = NEWEST) -> Json:
        """The answer to a request that was let in; what was written is kept only if the handler returns."""
        data = self.checked(data)
        with server.store.write() if self.writes else server.store.read() as db:
            return self.handler(Call(server, db, data, user, version))


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    name: str,
    *,
    required: tuple[str, ...] = (),
    fields: Mapping[str, str] | None = None,
    writes: bool = False,
    open: bool = False,
    batch: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler under the wire's name; `fields` are the types that differ from localserver.fields.TYPES."""

    def register(handler: Handler) -> Handler:
        if name in ENDPOINTS:
            raise ValueError(f"The endpoint {name} has two handlers.")
        ENDPOINTS[name] = Endpoint(name, handler, required, fields or {}, writes, open, batch)
        return handler

    return register


def authenticate(server: Server, authorization: str) -> str:
    """The user that a Bearer token or, with HTTP Basic, a key pair stands for; raises errors.Unauthorized."""
    kind, _, credentials = authorization.partition(" ")
    if kind.lower() == "bearer" and credentials:
        return str(server.tokens.verify(credentials.strip())["identity"]["user"])
    if kind.lower() == "basic" and credentials:
        access_key, secret_key = _basic(credentials)
        if server.knows(access_key, secret_key):
            return USER
        raise errors.InvalidCredentials("failed to locate provided credentials")
    raise errors.Unauthorized


# There is one user: whoever holds the key pair of this installation.
USER = "local"


def _basic(credentials: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidCredentials("malformed") from error
    access_key, _, secret_key = text.partition(":")
    return access_key, secret_key
