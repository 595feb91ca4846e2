"""Which endpoints there are. `@endpoint("tasks.get_by_id")` above a function makes it one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from localserver import errors, fields, schema, tags
from localserver.accounts import Accounts, Identity
from localserver.store.database import Store
from localserver.store.session import Session
from localserver.wire import NEWEST, Download, Json, Version


@dataclass(frozen=True, slots=True)
class Server:
    """What one server has: its data, and whom it lets in."""

    store: Store
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class Call:
    """One request, inside its own transaction (`db`), from the user who was let in.

    `version` is the API version that the request names in its path: some endpoints answer old clients otherwise.
    """

    server: Server
    db: Session
    data: Json
    identity: Identity
    version: Version = NEWEST

    @property
    def user(self) -> str:
        return self.identity.user

    def asking(self, data: Json) -> "Call":
        """The same call with other data."""
        return replace(self, data=data)


Handler = Callable[[Call], Json | Download]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`writes`: its transaction may write. `open`: for everybody. `batch`: its body is JSON lines."""

    name: str
    handler: Handler
    writes: bool = False
    open: bool = False
    batch: bool = False

    def checked(self, data: Json) -> Json:
        """The request, checked against the endpoint's table; for a batch each of its requests."""
        table = schema.table(self.name)
        if not self.batch:
            return fields.check(table, data)
        return {"requests": [fields.check(table, request) for request in data["requests"]]}

    def answer(self, server: Server, data: Json, identity: Identity, version: Version = NEWEST) -> Json | Download:
        """The answer to a request that was let in; what was written before an error is kept only if that says so."""
        data = tags.split(self.name.partition(".")[0], version, self.checked(data))
        with server.store.write() if self.writes else server.store.read() as db:
            try:
                answer = self.handler(Call(server, db, data, identity, version))
                return answer if isinstance(answer, Download) else tags.shown(version, answer)
            except errors.ApiError as error:
                if not error.keeps:
                    raise
                kept = error
        raise kept


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    name: str,
    *,
    writes: bool = False,
    open: bool = False,
    batch: bool = False,
) -> Callable[[AnyHandler], AnyHandler]:
    """Register a handler under the wire's name; what its requests take is in localserver/schema."""

    def register(handler: AnyHandler) -> AnyHandler:
        if name in ENDPOINTS:
            raise ValueError(f"The endpoint {name} has two handlers.")
        ENDPOINTS[name] = Endpoint(name, handler, writes, open, batch)
        return handler

    return register
