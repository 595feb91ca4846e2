"""Read workers."""

from datetime import UTC, datetime

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.workers.alive import asked_for
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.tokens import COMPANY_NAME
from clearml_flows.localserver.wire import Json

_SHOWN_SECONDS = 3600


@endpoint("workers.get_all")
def get_all(call: Call) -> Json:
    return {"workers": [_shown(call, worker) for worker in asked_for(call, _SHOWN_SECONDS)]}


@endpoint("workers.get_count")
def get_count(call: Call) -> Json:
    return {"count": len(asked_for(call, 0))}


def _shown(call: Call, worker: Document) -> Document:
    """Return the worker with the names of its user, queues, Task and project."""
    shown = {name: value for name, value in worker.items() if name not in ("task", "queue")}
    user = call.db.users.get(worker["user"])
    shown["user"] = {"id": worker["user"], **({"name": user["name"]} if user else {})}
    shown["company"] = {"id": worker["company"], "name": COMPANY_NAME}
    shown["queues"] = [_queue(call, id) for id in worker["queues"]]
    if worker.get("queue") in worker["queues"]:
        shown["queue"] = _queue(call, worker["queue"])
    task = call.db.tasks.get(worker["task"]) if worker.get("task") else None
    if task:
        shown["task"] = _task(task)
        project = call.db.projects.get(task["project"]) if task.get("project") else None
        if project:
            shown["project"] = {"id": project["id"], "name": project["name"]}
    return shown


def _queue(call: Call, id: str) -> Document:
    queue = call.db.queues.get(id)
    if queue is None:
        return {"id": id}
    shown = {"id": id, "name": queue["name"], "num_tasks": call.db.entries.count(id)}
    if queue.get("display_name"):
        shown["display_name"] = queue["display_name"]
    for entry in call.db.entries.of(id, limit=1):
        task = call.db.tasks.get(entry["task"])
        shown["next_task"] = {"id": entry["task"], **({"name": task["name"]} if task else {})}
    return shown


def _task(task: Document) -> Document:
    running = task.get("active_duration")
    if running is None:
        started = datetime.fromisoformat(task["started"]) if task.get("started") else datetime.now(UTC)
        running = (datetime.now(UTC) - started).total_seconds()
    return {
        "id": task["id"],
        "name": task["name"],
        "running_time": int(running * 1000),
        "last_iteration": task["last_iteration"],
    }
