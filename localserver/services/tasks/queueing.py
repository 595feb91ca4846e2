"""Putting Tasks into queues and taking them out again."""

from typing import Any

from localserver import errors, lifecycle
from localserver.registry import Call, endpoint
from localserver.services.common import changes, many, now, queue, task
from localserver.services.queues.watch import default_queue, find_or_create, is_watched
from localserver.services.tasks.status import change, keep
from localserver.store.documents import Document
from localserver.wire import Json


@endpoint("tasks.enqueue", required=("task",), writes=True)
def enqueue(call: Call) -> Json:
    target = _target(call)
    answer: Json = {"queued": 1, "updated": 1, "fields": _enqueue(call, call.data["task"], target)}
    if call.data.get("verify_watched_queue"):
        answer["queue_watched"] = is_watched(call, target["id"])
    return answer


@endpoint("tasks.enqueue_many", required=("ids",), writes=True)
def enqueue_many(call: Call) -> Json:
    target = _target(call)

    def operate(id: str) -> Json:
        _enqueue(call, id, target)
        return {"queued": True}

    answer = many(call, operate)
    if call.data.get("verify_watched_queue"):
        answer["queue_watched"] = is_watched(call, target["id"])
    return answer


@endpoint("tasks.dequeue", required=("task",), writes=True)
def dequeue(call: Call) -> Json:
    """Out of its queue, back to what it was or to `new_status`. One that is not there is no error."""
    document = call.db.tasks.get(call.data["task"])
    if document is None:
        removed = call.db.entries.remove(call.data["task"])
        return {"dequeued": int(removed), "updated": 0, "fields": {}}
    return {"dequeued": 1, "updated": 1, "fields": _dequeue(call, document)}


@endpoint("tasks.dequeue_many", required=("ids",), writes=True)
def dequeue_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        _dequeue(call, task(call, id))
        return {"dequeued": True}

    return many(call, operate)


def _target(call: Call) -> Document:
    if call.data.get("queue"):
        return queue(call)
    if call.data.get("queue_name"):
        return find_or_create(call, call.data["queue_name"])
    return default_queue(call)


def _enqueue(call: Call, id: str, target: Document) -> dict[str, Any]:
    document = task(call, id)
    before = document["status"]
    if before == lifecycle.QUEUED and call.db.entries.queue_of(id) == target["id"]:
        # The same request again: it is done.
        return {"status": before, "execution.queue": target["id"]}
    fields = change(call, document, "enqueue")
    document["execution"] = {**document["execution"], "queue": target["id"]}
    document["enqueue_status"] = before
    call.db.tasks.save(document)
    if not call.db.entries.append(target["id"], id, now()):
        raise errors.TaskAlreadyQueued(task=id)
    target.update({"last_update": now()})
    call.db.queues.save(target)
    return {**fields, "enqueue_status": before, "execution.queue": target["id"]}


def _dequeue(call: Call, document: Document) -> Document:
    """Out of the queue; the Task is new again unless the request names another status."""
    to = call.data.get("new_status")
    call.db.entries.remove(document["id"])
    fields = {**change(call, document, "dequeue", to), "enqueue_status": None}
    document.update(fields)
    call.db.tasks.save(document)
    return fields


def leave_queue(call: Call, document: Document) -> bool:
    """Take a Task that is about to be put away out of its queue; whether it waited in one."""
    if not call.db.entries.remove(document["id"]):
        return False
    if document["status"] == lifecycle.QUEUED:
        keep(call, document, {**lifecycle.apply(document, "dequeue", now()), **changes(call)})
    return True
