"""Queues by name, and who watches them."""

from localserver import errors
from localserver.registry import Call
from localserver.services.common import check_name, stamped
from localserver.services.workers.alive import alive
from localserver.store.documents import Document
from localserver.store.query import Selection

DEFAULT = "default"


def create(call: Call, name: str, **fields: object) -> Document:
    document = {**stamped(call), "name": check_name(name), "tags": [], "system_tags": [], "metadata": {}, **fields}
    call.db.queues.insert(document)
    return document


def by_name(call: Call, name: str) -> Document | None:
    return call.db.queues.one(Selection().equal("name", name))


def find_or_create(call: Call, name: str) -> Document:
    return by_name(call, name) or create(call, name)


def default_queue(call: Call) -> Document:
    found = call.db.queues.one(Selection().tagged("system_tags", DEFAULT))
    if found is None:
        raise errors.InvalidQueueId("there is no default queue")
    return found


def ensure_default(call: Call) -> None:
    """ClearML's server has a queue named `default` from its start, and agents rely on it."""
    if call.db.queues.one(Selection().tagged("system_tags", DEFAULT)) is None and by_name(call, DEFAULT) is None:
        create(call, DEFAULT, system_tags=[DEFAULT])


def is_watched(call: Call, queue: str) -> bool:
    return any(queue in (worker.get("queues") or []) for worker in alive(call))
