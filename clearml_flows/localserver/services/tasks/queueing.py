"""Enqueue and dequeue Tasks."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import many, now, own_task, queue
from clearml_flows.localserver.services.queues.watch import default_queue, find_or_create, is_watched
from clearml_flows.localserver.services.tasks.documents import check_references
from clearml_flows.localserver.services.tasks.status import change, leave_queue
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("tasks.enqueue", writes=True)
def enqueue(call: Call) -> Json:
    if call.data.get("verify_watched_queue") and _keeps_queue(call):
        raise errors.ValidationError("verify_watched_queue cannot be used with update_execution_queue=False")
    answer = {"queued": 1, **_enqueue(call, call.data["task"], force=bool(call.data.get("force")))}
    return {**answer, **_watched(call, answer)}


@endpoint("tasks.enqueue_many", writes=True)
def enqueue_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        return {"queued": True, **_enqueue(call, id, force=False)}

    answer = many(call, operate)
    return {**answer, **(_watched(call, answer["succeeded"][0]) if answer["succeeded"] else {})}


def _watched(call: Call, answer: Json) -> Json:
    """Return `queue_watched` if the request sets `verify_watched_queue`, else nothing."""
    return (
        {"queue_watched": is_watched(call, answer["fields"]["execution.queue"])}
        if (call.data.get("verify_watched_queue"))
        else {}
    )


def _enqueue(call: Call, id: str, force: bool) -> Json:
    """Append a Task to a queue, and remove it from its current queue.

    Raises:
        errors.TaskAlreadyQueued: The Task already waits in this queue.
        errors.ValidationError: The fields that select the queue contradict each other.
    """
    if call.data.get("queue") and call.data.get("queue_name"):
        raise errors.ValidationError("Either queue id or queue name should be provided")
    document = own_task(call, id)
    before, known = document["status"], document["execution"].get("queue")
    if _keeps_queue(call) and not (before == lifecycle.QUEUED and known):
        raise errors.ValidationError("update_execution_queue=False is for a queued task that has an execution queue")
    if call.data.get("validate_tasks"):
        check_references(call, document)
    if before == lifecycle.QUEUED:
        before = document.get("enqueue_status") or before
    fields = change(call, document, lifecycle.QUEUED, {"enqueue_status": before}, force=force)
    target = _target(call)
    if call.db.entries.queue_of(id) == target["id"]:
        raise errors.TaskAlreadyQueued(task=id)
    call.db.entries.remove(id)
    call.db.entries.append(target["id"], id, now())
    target["last_update"] = now()
    call.db.queues.save(target)
    if not _keeps_queue(call):
        document["execution"] = {**document["execution"], "queue": target["id"]}
        fields["execution.queue"] = target["id"]
        call.db.tasks.save(document)
    return {"updated": 1, "fields": fields}


def _keeps_queue(call: Call) -> bool:
    """Return True if the Task's execution queue must stay as it is."""
    return call.data.get("update_execution_queue") is False


def _target(call: Call) -> Document:
    if call.data.get("queue"):
        return queue(call)
    if call.data.get("queue_name"):
        return find_or_create(call, call.data["queue_name"])
    return default_queue(call)


@endpoint("tasks.dequeue", writes=True)
def dequeue(call: Call) -> Json:
    """Remove a Task from its queue and set its status to `new_status`, or the earlier one.

    An unknown Task is not an error.
    """
    return {"dequeued": 1, **_dequeue(call, call.data["task"])}


@endpoint("tasks.dequeue_many", writes=True)
def dequeue_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        return {"dequeued": True, **_dequeue(call, id)}

    return many(call, operate)


def _dequeue(call: Call, id: str) -> Json:
    to = call.data.get("new_status")
    if to and to not in lifecycle.STATUSES:
        raise errors.ValidationError(f"Invalid task status: {to}")
    document = own_task(call, id) if call.db.tasks.get(id) else None
    if document is None or call.data.get("remove_from_all_queues"):
        call.db.entries.remove(id)
    fields = take_out(call, document, to) if document else {}
    return {"updated": int(bool(fields)), "fields": fields}


def take_out(call: Call, document: Document, to: str | None = None) -> Document:
    """Remove a queued Task from its queue, and reset the status of a queued or running Task.

    The new status is `to`, or the status before enqueueing. Returns the changed fields.
    """
    if document["status"] == lifecycle.QUEUED:
        leave_queue(call, document)
    if document["status"] not in lifecycle.ACTIVE:
        return {}
    to = to or document.get("enqueue_status") or lifecycle.CREATED
    return change(call, document, to, {"enqueue_status": None}, force=True)
