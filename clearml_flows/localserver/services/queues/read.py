"""Read queues."""

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, projection
from clearml_flows.localserver.services.common import queue
from clearml_flows.localserver.services.outgoing import shown
from clearml_flows.localserver.services.queues.watch import default_queue
from clearml_flows.localserver.services.workers.alive import alive
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json

# System tag of the queues that a Kubernetes scheduler manages.
_HIDDEN = "k8s-glue"


@endpoint("queues.get_by_id")
def get_by_id(call: Call) -> Json:
    document = _with_entries(call, queue(call))
    shown(call, [document])
    return {"queue": document}


@endpoint("queues.get_all")
def get_all(call: Call) -> Json:
    asked = projection.parse(call.db.queues.entity, listing.asked_fields(call.data))
    found, scroll_id = _page(call)
    documents = [asked.of(document) for document in found]
    shown(call, documents)
    return listing.enveloped("queues", documents, scroll_id)


@endpoint("queues.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Return queues with all fields, the names of their Tasks, and the workers that watch them.

    `only_fields` is ignored.
    """
    found, scroll_id = _page(call)
    everything = projection.parse(call.db.queues.entity, ["*", "entries.task.name"], joins=True)
    documents = projection.show(call, call.db.queues.entity, found, everything)
    shown(call, documents)
    workers = alive(call)
    for document in documents:
        document["workers"] = [_watching(call, worker) for worker in workers if document["id"] in worker["queues"]]
    return listing.enveloped("queues", documents, scroll_id)


@endpoint("queues.get_default")
def get_default(call: Call) -> Json:
    document = default_queue(call)
    return {"id": document["id"], "name": document["name"]}


@endpoint("queues.get_num_entries")
def get_num_entries(call: Call) -> Json:
    return {"num": call.db.entries.count(queue(call)["id"])}


def hide(call: Call, selection: Selection) -> None:
    """Leave out hidden queues unless the request names queues or sets `search_hidden`."""
    if not any(call.data.get(name) for name in ("search_hidden", "id", "name")):
        selection.tagged("system_tags", _HIDDEN, is_not=True)


def _page(call: Call) -> tuple[list[Document], str | None]:
    selection = select(call.db.queues.entity, call.data)
    hide(call, selection)
    found, scroll_id = listing.page(call.db.queues, call.data, selection)
    return [_with_entries(call, document) for document in found], scroll_id


def _with_entries(call: Call, document: Document) -> Document:
    entries = call.db.entries.of(document["id"])
    limit = int(call.data.get("max_task_entries") or 0)
    # A positive limit selects the first entries, a negative limit the last ones.
    return {**document, "entries": entries[limit:] if limit < 0 else entries[: limit or None]}


def _watching(call: Call, worker: Document) -> Document:
    task = call.db.tasks.get(worker["task"]) if worker.get("task") else None
    shown_task = {"id": task["id"], "name": task["name"]} if task else None
    return {"name": worker["id"], "ip": worker["ip"], "key": worker["key"], "task": shown_task}
