"""Change the status of Tasks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, many, now, own_task, save
from clearml_flows.localserver.services.projects.paths import touch
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

STOPPING = "stopping"
DEVELOPMENT = "development"
# A Task counts as having no worker if it has not changed for this long.
WORKER_TIMEOUT = timedelta(seconds=600)


def change(
    call: Call,
    document: Document,
    to: str,
    fields: Document | None = None,
    *,
    force: bool | None = None,
    message: str | None = None,
) -> Document:
    """Change a Task's status, set other `fields`, save it, and return the changed fields.

    `message` and `force` default to those of the request.
    """
    changed = lifecycle.change(
        document,
        to,
        now(),
        reason=call.data.get("status_reason"),
        message=call.data.get("status_message") if message is None else message,
        force=bool(call.data.get("force")) if force is None else force,
    )
    if to == lifecycle.QUEUED:
        document["system_tags"] = [tag for tag in document["system_tags"] if tag != DEVELOPMENT]
    return keep(call, document, {**changed, **(fields or {})})


def keep(call: Call, document: Document, fields: Document) -> Document:
    """Save changed fields of a Task and touch its project."""
    fields = {**fields, **changes(call)}
    document.update(fields)
    call.db.tasks.save(document)
    touch(call, document.get("project"))
    return fields


def pipeline_steps(call: Call, controller: Document) -> list[Document]:
    """Return the steps of a pipeline if the request sets `include_pipeline_steps`, else []."""
    if not call.data.get("include_pipeline_steps") or controller["type"] != "controller":
        return []
    return list(call.db.tasks.all(Selection().equal("parent", controller["id"])))


def started(call: Call, id: str) -> Json:
    """Set a Task to `in_progress`. A restart clears the end time and duration."""
    if call.db.tasks.get(id) is None:
        raise errors.InvalidId(task=id)
    document = own_task(call, id)
    fields: Document = {}
    if document["status"] != lifecycle.IN_PROGRESS or not document.get("started"):
        fields["started"] = now()
        for name in ("completed", "active_duration"):
            document.pop(name, None)
    return {"started": 1, "updated": 1, "fields": change(call, document, lifecycle.IN_PROGRESS, fields)}


def stopped(call: Call, id: str) -> Json:
    """Set a Task to `stopped`."""
    return _ended(call, id, lifecycle.STOPPED)


def failed(call: Call, id: str) -> Json:
    """Set a Task to `failed`."""
    return _ended(call, id, lifecycle.FAILED)


def _ended(call: Call, id: str, to: str) -> Json:
    return {"updated": 1, "fields": change(call, own_task(call, id), to, {"completed": now()})}


def close(call: Call, id: str) -> Json:
    """Set a Task to `closed`."""
    return {"updated": 1, "fields": change(call, own_task(call, id), lifecycle.CLOSED)}


def stop(call: Call, id: str) -> Json:
    """Stop a Task, or ask its worker to stop it. Includes pipeline steps on request."""
    document = own_task(call, id)
    for step in pipeline_steps(call, document):
        _stop(call, step, force=True)
    return {"updated": 1, "fields": _stop(call, document)}


def _stop(call: Call, document: Document, force: bool | None = None) -> Document:
    queued = document["status"] == lifecycle.QUEUED
    if not queued and DEVELOPMENT not in document["system_tags"] and _has_worker(document):
        return change(call, document, document["status"], force=force, message=STOPPING)
    fields = change(call, document, lifecycle.STOPPED, force=force, message=f"Stopped by {call.user}")
    if queued:
        leave_queue(call, document)
    return fields


def _has_worker(document: Document) -> bool:
    heard = datetime.fromisoformat(document["last_update"])
    return bool(document.get("last_worker")) and datetime.now(UTC) - heard < WORKER_TIMEOUT


def leave_queue(call: Call, document: Document) -> int:
    """Remove a Task from its execution queue and return the number of removed entries."""
    queue = call.db.queues.get(document["execution"].get("queue") or "")
    if queue is None or not call.db.entries.remove(document["id"], queue["id"]):
        return 0
    queue["last_update"] = now()
    call.db.queues.save(queue)
    return 1


def completed(call: Call, id: str) -> Json:
    """Set a Task to `completed`, and publish it if the request sets `publish`."""
    answer = {**_ended(call, id, lifecycle.COMPLETED), "published": 0}
    if call.data.get("publish"):
        published = publish(call.asking({**call.data, "publish_model": True}), id)["fields"]
        answer |= {"published": 1, "fields": {**answer["fields"], "status": published["status"]}}
    return answer


def publish(call: Call, id: str) -> Json:
    """Publish a Task and, unless `publish_model` is false, its last output model."""
    document = own_task(call, id)
    if not call.data.get("force"):
        lifecycle.check(document, lifecycle.PUBLISHED)
    if call.data.get("publish_model") is not False:
        _publish_last_model(call, document)
    fields = {"published": now(), "output": document["output"]}
    return {"updated": 1, "fields": change(call, document, lifecycle.PUBLISHED, fields, force=True)}


def _publish_last_model(call: Call, document: Document) -> None:
    made = document["models"]["output"]
    model = call.db.models.get(str(made[-1].get("model"))) if made else None
    if model and not model["ready"]:
        save(call, call.db.models, model, {"ready": True})


def _register(name: str, operate: Callable[[Call, str], Json], several: str = "") -> None:
    @endpoint(f"tasks.{name}", writes=True)
    def one(call: Call) -> Json:
        return operate(call, call.data["task"])

    if several:

        @endpoint(f"tasks.{several}", writes=True)
        def each(call: Call) -> Json:
            return many(call, lambda task_id: operate(call, task_id))


_register("started", started)
_register("stopped", stopped)
_register("stop", stop, several="stop_many")
_register("failed", failed)
_register("close", close)
_register("completed", completed)
_register("publish", publish, several="publish_many")
