"""Registry of API endpoints. `@endpoint("tasks.get_by_id")` registers a handler."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from clearml_flows.localserver import errors, fields, schema, tags
from clearml_flows.localserver.accounts import Accounts, Identity
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.session import Session
from clearml_flows.localserver.wire import NEWEST, Download, Json, Version


@dataclass(frozen=True, slots=True)
class Server:
    """The store and the accounts of a server."""

    store: Store
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request with its own transaction `db`.

    `version` is the API version in the request's path. Some endpoints answer old clients differently.
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
        """Return the same call with other data."""
        return replace(self, data=data)


Handler = Callable[[Call], Json | Download]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler and its options.

    Attributes:
        writes: The transaction may write.
        open: Requests need no credentials.
        batch: The body is JSON lines.
    """

    name: str
    handler: Handler
    writes: bool = False
    open: bool = False
    batch: bool = False

    def checked(self, data: Json) -> Json:
        """Return the request checked against the endpoint's table. A batch is checked per line."""
        table = schema.table(self.name)
        if not self.batch:
            return fields.check(table, data)
        return {"requests": [fields.check(table, request) for request in data["requests"]]}

    def answer(self, server: Server, data: Json, identity: Identity, version: Version = NEWEST) -> Json | Download:
        """Run the handler in a transaction and return its answer.

        An error rolls the transaction back unless its `keeps` is set.
        """
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
    """Register a handler for an endpoint name. Its request fields are in localserver/schema."""

    def register(handler: AnyHandler) -> AnyHandler:
        if name in ENDPOINTS:
            raise ValueError(f"the endpoint {name} has two handlers")
        ENDPOINTS[name] = Endpoint(name, handler, writes, open, batch)
        return handler

    return register
