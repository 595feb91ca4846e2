"""Queue entries: add, take, remove and move Tasks."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, now, queue, task
from clearml_flows.localserver.services.queues.leaving import leave
from clearml_flows.localserver.services.tasks.status import change
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json


@endpoint("queues.add_task", writes=True)
def add_task(call: Call) -> Json:
    """Add a Task to a queue without changing its status. Use `tasks.enqueue` to change both."""
    document, waiting = queue(call), task(call)
    if not call.db.entries.append(document["id"], waiting["id"], now()):
        raise errors.TaskAlreadyQueued(task=waiting["id"])
    _touch(call, document["id"])
    if call.data.get("update_execution_queue") is not False:
        execution = {**waiting["execution"], "queue": document["id"]}
        call.db.tasks.save({**waiting, "execution": execution, **changes(call)})
    return {"added": 1}


@endpoint("queues.remove_task", writes=True)
def remove_task(call: Call) -> Json:
    id, waiting = call.data["queue"], call.data["task"]
    if not call.db.entries.remove(waiting, id):
        raise _not_queued(call)
    _touch(call, id)
    if call.data.get("update_task_status"):
        leave(call, id, [waiting], f"Task was removed from the queue {id}")
    return {"removed": 1}


@endpoint("queues.clear_queue", writes=True)
def clear_queue(call: Call) -> Json:
    """Remove all Tasks from a queue. `removed_tasks` lists the Tasks whose status was reset."""
    id = queue(call)["id"]
    return {"removed_tasks": leave(call, id, call.db.entries.clear(id), f"Queue {id} was cleared")}


@endpoint("queues.get_next_task", writes=True)
def get_next_task(call: Call) -> Json:
    """Take the next Task from a queue. Its status stays `queued` until a worker starts it.

    With `task`, take the next Task only if it is this Task.
    """
    id, wanted = queue(call)["id"], call.data.get("task")
    if wanted and _first(call, id) != wanted:
        return {}
    entry = call.db.entries.pop(id)
    if entry is None:
        return {}
    _touch(call, id)
    found = call.db.tasks.get(entry["task"])
    if found and found["status"] == lifecycle.STOPPED:
        # The Task was stopped while it was being enqueued. The new run replaces the stop.
        change(call, found, lifecycle.QUEUED, force=True)
    if not call.data.get("get_task_info") or found is None:
        return {"entry": entry}
    return {"entry": entry, "task_info": {"company": found["company"], "user": found["user"]}}


@endpoint("queues.peek_task")
def peek_task(call: Call) -> Json:
    return {"task": _first(call, queue(call)["id"])}


@endpoint("queues.move_task_forward", writes=True)
def move_task_forward(call: Call) -> Json:
    return _move(call, -_count(call))


@endpoint("queues.move_task_backward", writes=True)
def move_task_backward(call: Call) -> Json:
    return _move(call, _count(call))


@endpoint("queues.move_task_to_front", writes=True)
def move_task_to_front(call: Call) -> Json:
    return _move(call, -call.db.entries.count(call.data["queue"]))


@endpoint("queues.move_task_to_back", writes=True)
def move_task_to_back(call: Call) -> Json:
    return _move(call, call.db.entries.count(call.data["queue"]))


def _count(call: Call) -> int:
    count = call.data.get("count")
    return 1 if count is None else int(count)


def _move(call: Call, steps: int) -> Json:
    position = call.db.entries.move(call.data["queue"], call.data["task"], steps)
    if position is None:
        raise _not_queued(call)
    return {"position": position}


def _first(call: Call, queue: str) -> str | None:
    entry = next(iter(call.db.entries.of(queue, limit=1)), None)
    return str(entry["task"]) if entry else None


def _touch(call: Call, queue: str) -> None:
    document: Document | None = call.db.queues.get(queue)
    if document:
        call.db.queues.save({**document, "last_update": now()})


def _not_queued(call: Call) -> errors.TaskNotQueued:
    return errors.TaskNotQueued(task=call.data["task"], id=call.data["queue"], company=COMPANY)
