"""Reading about workers."""

from datetime import UTC, datetime

from localserver.fields import texts
from localserver.registry import Call, endpoint
from localserver.services.workers.alive import alive
from localserver.store.documents import Document
from localserver.wire import Json


@endpoint("workers.get_all")
def get_all(call: Call) -> Json:
    wanted = {name: set(texts(call.data, name)) for name in ("tags", "system_tags")}
    found = [
        worker
        for worker in alive(call, call.data.get("last_seen"))
        if all(not tags or tags.intersection(worker[name]) for name, tags in wanted.items())
    ]
    return {"workers": [_shown(call, worker) for worker in found]}


@endpoint("workers.get_count")
def get_count(call: Call) -> Json:
    return {"count": len(alive(call, call.data.get("last_seen")))}


def _shown(call: Call, worker: Document) -> Document:
    """With the names of what the worker refers to."""
    shown = {name: value for name, value in worker.items() if name not in ("task", "queue")}
    shown["user"] = {"id": worker["user"], "name": worker["user"]}
    shown["company"] = {"id": worker["company"], "name": worker["company"]}
    shown["queues"] = [_queue(call, id) for id in worker["queues"]]
    if worker.get("queue"):
        shown["queue"] = {"id": worker["queue"], "name": _queue(call, worker["queue"])["name"]}
    task = call.db.tasks.get(worker["task"]) if worker.get("task") else None
    if task:
        shown["task"] = _task(task)
        project = call.db.projects.get(task["project"]) if task.get("project") else None
        if project:
            shown["project"] = {"id": project["id"], "name": project["name"]}
    return shown


def _queue(call: Call, id: str) -> Document:
    queue = call.db.queues.get(id)
    return {"id": id, "name": queue["name"] if queue else id, "num_tasks": call.db.entries.count(id)}


def _task(task: Document) -> Document:
    running = 0.0
    if task.get("started"):
        running = (datetime.now(UTC) - datetime.fromisoformat(task["started"])).total_seconds() * 1000
    return {
        "id": task["id"],
        "name": task["name"],
        "running_time": int(running),
        "last_iteration": task["last_iteration"],
    }
