"""Find and create queues, and check which queues workers watch."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import check_name, stamped
from clearml_flows.localserver.services.workers.alive import alive
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection

# Queues have no user and no `last_change`.
_STAMPS = ("id", "company", "created", "last_update")
DEFAULT = "default"
SERVICES = "services"


def create(call: Call, name: str, **fields: object) -> Document:
    """Create a queue; raises errors.DataValidationError for a name that is too short."""
    stamps = {field: value for field, value in stamped(call).items() if field in _STAMPS}
    document = {**stamps, "name": check_name(name), "tags": [], "system_tags": [], "metadata": {}, **fields}
    call.db.queues.insert(document)
    return document


def by_name(call: Call, name: str) -> Document | None:
    """Return the queue with this name, or None."""
    return call.db.queues.one(Selection().equal("name", name))


def find_or_create(call: Call, name: str) -> Document:
    """Return the queue with this name, and create it if missing."""
    return by_name(call, name) or create(call, name)


def default_queue(call: Call) -> Document:
    """Return the queue with system tag `default`.

    Raises:
        errors.NoDefaultQueue: No queue has the tag.
        errors.MultipleDefaultQueues: Several queues have the tag.
    """
    found = list(call.db.queues.all(Selection().tagged("system_tags", DEFAULT)))
    if not found:
        raise errors.NoDefaultQueue
    if len(found) > 1:
        raise errors.MultipleDefaultQueues(queues=[document["id"] for document in found])
    return found[0]


def ensure_first(call: Call) -> None:
    """Create the queues of a new ClearML Server, `default` and `services`, if missing."""
    if call.db.queues.one(Selection().tagged("system_tags", DEFAULT)) is None and by_name(call, DEFAULT) is None:
        create(call, DEFAULT, system_tags=[DEFAULT])
    find_or_create(call, SERVICES)


def is_watched(call: Call, queue: str) -> bool:
    """Return True if a live worker watches the queue."""
    return any(queue in (worker.get("queues") or []) for worker in alive(call))
