"""Reading queues."""

from localserver import fields
from localserver.registry import Call, endpoint
from localserver.services import listing, projection
from localserver.services.common import queue
from localserver.services.queues.watch import default_queue
from localserver.services.workers.alive import alive
from localserver.store.documents import Document
from localserver.store.query import select
from localserver.wire import Json

_FILTERS = fields.FILTERS


@endpoint("queues.get_by_id", required=("queue",))
def get_by_id(call: Call) -> Json:
    return {"queue": _with_entries(call, queue(call))}


@endpoint("queues.get_all", fields=_FILTERS)
def get_all(call: Call) -> Json:
    return _get_all(call)


@endpoint("queues.get_all_ex", fields=_FILTERS)
def get_all_ex(call: Call) -> Json:
    """As `get_all`, with the names of waiting Tasks and of the workers that watch the queue."""
    answer = _get_all(call)
    workers = alive(call)
    for document in answer["queues"]:
        document["workers"] = [
            {"key": worker["key"], "name": worker["id"], "ip": worker["ip"]}
            for worker in workers
            if document["id"] in worker["queues"]
        ]
        for entry in document.get("entries", []):
            task = call.db.tasks.get(entry["task"])
            entry["task"] = {"id": entry["task"], "name": task["name"] if task else None}
    return answer


@endpoint("queues.get_default")
def get_default(call: Call) -> Json:
    document = default_queue(call)
    return {"id": document["id"], "name": document["name"]}


@endpoint("queues.get_num_entries", required=("queue",))
def get_num_entries(call: Call) -> Json:
    return {"num": call.db.entries.count(queue(call)["id"])}


def _get_all(call: Call) -> Json:
    data = call.data
    selection = select(call.db.queues.entity, data)
    if not data.get("search_hidden") and not data.get("id"):
        selection.tagged("system_tags", "hidden", is_not=True)
    shown = projection.parse(call.db.queues.entity, data.get("only_fields"))
    found, scroll_id = listing.page(call.db.queues, data, selection)
    return listing.enveloped("queues", [shown.of(_with_entries(call, document)) for document in found], scroll_id)


def _with_entries(call: Call, document: Document) -> Document:
    limit = call.data.get("max_task_entries")
    return {**document, "entries": call.db.entries.of(document["id"], -1 if limit is None else int(limit))}
