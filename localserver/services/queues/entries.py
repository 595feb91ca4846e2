"""Who waits in a queue: adding, taking, moving."""

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services.common import now, queue, task
from localserver.wire import Json


@endpoint("queues.add_task", required=("queue", "task"), writes=True)
def add_task(call: Call) -> Json:
    """The Task's status stays: `tasks.enqueue` is what changes that too."""
    document, waiting = queue(call), task(call)
    if not call.db.entries.append(document["id"], waiting["id"], now()):
        raise errors.TaskAlreadyQueued(task=waiting["id"])
    return {"added": 1}


@endpoint("queues.remove_task", required=("queue", "task"), writes=True)
def remove_task(call: Call) -> Json:
    if not call.db.entries.remove(call.data["task"], queue(call)["id"]):
        raise errors.TaskNotQueued(task=call.data["task"], queue=call.data["queue"])
    return {"removed": 1}


@endpoint("queues.get_next_task", required=("queue",), writes=True)
def get_next_task(call: Call) -> Json:
    """Take the next one out; its status stays `queued` until whoever took it says that it started."""
    entry = call.db.entries.pop(queue(call)["id"])
    if entry is None:
        return {}
    found = call.db.tasks.get(entry["task"])
    if not call.data.get("get_task_info") or found is None:
        return {"entry": entry}
    return {"entry": entry, "task_info": {"company": found["company"], "user": found["user"]}}


@endpoint("queues.peek_task", required=("queue",))
def peek_task(call: Call) -> Json:
    entries = call.db.entries.of(queue(call)["id"], limit=1)
    return {"task": entries[0]["task"]} if entries else {}


@endpoint("queues.move_task_forward", required=("queue", "task"), writes=True)
def move_task_forward(call: Call) -> Json:
    return _move(call, -_count(call))


@endpoint("queues.move_task_backward", required=("queue", "task"), writes=True)
def move_task_backward(call: Call) -> Json:
    return _move(call, _count(call))


@endpoint("queues.move_task_to_front", required=("queue", "task"), writes=True)
def move_task_to_front(call: Call) -> Json:
    return _move(call, -call.db.entries.count(call.data["queue"]))


@endpoint("queues.move_task_to_back", required=("queue", "task"), writes=True)
def move_task_to_back(call: Call) -> Json:
    return _move(call, call.db.entries.count(call.data["queue"]))


def _count(call: Call) -> int:
    count = call.data.get("count")
    return 1 if count is None else int(count)


def _move(call: Call, steps: int) -> Json:
    position = call.db.entries.move(queue(call)["id"], call.data["task"], steps)
    if position is None:
        raise errors.TaskNotQueued(task=call.data["task"], queue=call.data["queue"])
    return {"position": position}
