"""Changes of a Task's status, one at a time or many."""

from collections.abc import Callable
from typing import Any

from localserver import lifecycle
from localserver.registry import Call, endpoint
from localserver.services.common import changes, many, now, task
from localserver.services.projects.paths import touch
from localserver.services.workers.alive import runs
from localserver.store.documents import Document
from localserver.wire import Json

STOPPING = "stopping"


def change(call: Call, document: Document, action: str, to: str | None = None) -> Document:
    """Change a Task's status as the request says and save it; the fields that changed."""
    fields = lifecycle.apply(
        document,
        action,
        now(),
        reason=call.data.get("status_reason"),
        message=call.data.get("status_message"),
        force=bool(call.data.get("force")),
        to=to,
    )
    return keep(call, document, fields)


def keep(call: Call, document: Document, fields: Document) -> Document:
    fields = {**fields, **changes(call)}
    document.update(fields)
    call.db.tasks.save(document)
    touch(call, document.get("project"))
    return fields


def started(call: Call, id: str) -> Json:
    return {"started": 1, "updated": 1, "fields": change(call, task(call, id), "started")}


def stopped(call: Call, id: str) -> Json:
    call.db.entries.remove(id)
    return {"updated": 1, "fields": change(call, task(call, id), "stopped")}


def stop(call: Call, id: str) -> Json:
    """Stop a Task, or ask the worker that runs it to do so."""
    document = task(call, id)
    if document["status"] == lifecycle.IN_PROGRESS and runs(call, id):
        reason = call.data.get("status_reason") or ""
        return {"updated": 1, "fields": keep(call, document, {"status_message": STOPPING, "status_reason": reason})}
    return stopped(call, id)


def failed(call: Call, id: str) -> Json:
    return {"updated": 1, "fields": change(call, task(call, id), "failed")}


def close(call: Call, id: str) -> Json:
    return {"updated": 1, "fields": change(call, task(call, id), "close")}


def completed(call: Call, id: str) -> Json:
    fields = change(call, task(call, id), "completed")
    if not call.data.get("publish"):
        return {"updated": 1, "published": 0, "fields": fields}
    published = publish(call, id)
    return {"updated": 1, "published": 1, "fields": {**fields, **published["fields"]}}


def publish(call: Call, id: str) -> Json:
    """Publish a Task and, unless told otherwise, the models that it made."""
    document = task(call, id)
    fields = change(call, document, "publish")
    if call.data.get("publish_model") is not False:
        _publish_models(call, document)
    return {"updated": 1, "fields": {**fields, "output": document["output"]}}


def _publish_models(call: Call, document: Document) -> None:
    for item in document["models"]["output"]:
        model = call.db.models.get(str(item.get("model")))
        if model and not model["ready"]:
            model.update({"ready": True, **changes(call)})
            call.db.models.save(model)


def _register(name: str, operate: Callable[[Call, str], Json], several: str = "") -> None:
    @endpoint(f"tasks.{name}", required=("task",), writes=True)
    def one(call: Call) -> Json:
        return operate(call, call.data["task"])

    if several:

        @endpoint(f"tasks.{several}", required=("ids",), writes=True)
        def each(call: Call) -> Json:
            return many(call, lambda task_id: _without_fields(operate(call, task_id)))


def _without_fields(answer: dict[str, Any]) -> Json:
    return {name: value for name, value in answer.items() if name != "fields"}


_register("started", started)
_register("stopped", stopped)
_register("stop", stop, several="stop_many")
_register("failed", failed)
_register("close", close)
_register("completed", completed)
_register("publish", publish, several="publish_many")
