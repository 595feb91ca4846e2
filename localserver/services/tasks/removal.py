"""Putting Tasks away: archive, reset, delete."""

from typing import Any

from localserver import errors, lifecycle
from localserver.fields import texts
from localserver.registry import Call, endpoint
from localserver.services.common import changes, many, now, save, task
from localserver.services.projects.paths import touch
from localserver.services.tasks.queueing import leave_queue
from localserver.services.tasks.status import stopped
from localserver.store.documents import Document
from localserver.store.query import Selection
from localserver.wire import Json

ARCHIVED = "archived"
# What a deleted Task's children have for a parent: that there was one, and which.
DELETED_PREFIX = "__DELETED__"


@endpoint("tasks.archive", required=("tasks",), writes=True)
def archive(call: Call) -> Json:
    ids = texts(call.data, "tasks")
    for id in ids:
        _archive(call, id)
    return {"archived": len(ids)}


@endpoint("tasks.archive_many", required=("ids",), writes=True)
def archive_many(call: Call) -> Json:
    return many(call, lambda task_id: _archive(call, task_id))


@endpoint("tasks.unarchive_many", required=("ids",), writes=True)
def unarchive_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        document = task(call, id)
        tags = [tag for tag in document["system_tags"] if tag != ARCHIVED]
        save(call, call.db.tasks, document, {"system_tags": tags})
        return {"unarchived": True}

    return many(call, operate)


def _archive(call: Call, id: str) -> Json:
    """One that waits leaves its queue, one that runs is stopped."""
    document = task(call, id)
    leave_queue(call, document)
    if document["status"] == lifecycle.IN_PROGRESS:
        stopped(call, id)
        document = task(call, id)
    tags = [*(tag for tag in document["system_tags"] if tag != ARCHIVED), ARCHIVED]
    notes = {name: call.data.get(name) or "" for name in ("status_message", "status_reason")}
    save(call, call.db.tasks, document, {"system_tags": tags, **notes})
    return {"archived": True}


@endpoint("tasks.reset", required=("task",), writes=True)
def reset(call: Call) -> Json:
    return _reset(call, call.data["task"])


@endpoint("tasks.reset_many", required=("ids",), writes=True)
def reset_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        answer = _reset(call, id)
        return {"reset": True, "dequeued": bool(answer["dequeued"]), "deleted_models": answer["deleted_models"]}

    return many(call, operate)


def _reset(call: Call, id: str) -> Json:
    """Make a Task new again: what it did is deleted, how it is defined stays."""
    document = task(call, id)
    queue = call.db.entries.queue_of(id)
    fields = lifecycle.apply(document, "reset", now(), force=bool(call.data.get("force")))
    dequeued = {"removed": int(call.db.entries.remove(id))} if queue else {}
    removed = _remove_models(call, document)
    call.db.events.delete(id)
    for name in ("started", "completed", "published", "active_duration", "last_worker", "last_worker_report"):
        document.pop(name, None)
    blank: dict[str, Any] = {"last_metrics": {}, "last_iteration": 0, "unique_metrics": [], "metric_stats": {}}
    kept = [artifact for artifact in document["execution"]["artifacts"] if artifact.get("mode") == "input"]
    blank["execution"] = {**document["execution"], "queue": None, "artifacts": kept}
    blank["models"] = {**document["models"], "output": []}
    if call.data.get("clear_all"):
        blank |= {"hyperparams": {}, "configuration": {}, "script": {**document["script"], "requirements": {}}}
    fields |= save(call, call.db.tasks, document, {**fields, **blank, "runtime": {}})
    touch(call, document.get("project"))
    return {"updated": 1, "fields": fields, "deleted_models": removed, "dequeued": dequeued}


@endpoint("tasks.delete", required=("task",), writes=True)
def delete(call: Call) -> Json:
    return {"deleted": True, **_delete(call, call.data["task"])}


@endpoint("tasks.delete_many", required=("ids",), writes=True)
def delete_many(call: Call) -> Json:
    return many(call, lambda task_id: {"deleted": True, **_delete(call, task_id)})


def _delete(call: Call, id: str) -> Json:
    document = task(call, id)
    status = document["status"]
    if status != lifecycle.CREATED and ARCHIVED not in document["system_tags"] and not call.data.get("force"):
        raise errors.TaskInUse("due to status, use force=True", task=id, expected=lifecycle.CREATED, current=status)
    return remove(call, document)


def remove(call: Call, document: Document) -> Json:
    """Delete a Task with all it reported; what refers to it is told that it is gone. Published models stay."""
    id = document["id"]
    call.db.entries.remove(id)
    urls = _urls(document) if call.data.get("return_file_urls") else None
    deleted_models = _remove_models(call, document) if call.data.get("delete_output_models") is not False else 0
    updated_models = _relink(call, "models", "task", id)
    updated_children = _relink(call, "tasks", "parent", id)
    call.db.events.delete(id)
    call.db.tasks.delete(id)
    touch(call, document.get("project"))
    return {
        "updated_children": updated_children,
        "updated_models": updated_models,
        "deleted_models": deleted_models,
        "urls": urls,
    }


def _relink(call: Call, collection: str, field: str, id: str) -> int:
    documents = call.db.tasks if collection == "tasks" else call.db.models
    found = list(documents.all(Selection().equal(field, id)))
    for document in found:
        document.update({field: DELETED_PREFIX + id, **changes(call)})
        documents.save(document)
    return len(found)


def _remove_models(call: Call, document: Document) -> int:
    """Delete the models that a Task made, but not the published ones, nor those that another Task uses."""
    gone = [
        model
        for model in call.db.models.all(Selection().equal("task", document["id"]))
        if not model["ready"] and not call.db.tasks.count(users_of(model["id"]))
    ]
    for model in gone:
        call.db.events.delete(model["id"])
        call.db.models.delete(model["id"])
    return len(gone)


def users_of(model: str) -> Selection:
    """The Tasks that have a model for an input."""
    return Selection().holding("$.models.input", "model", model)


def _urls(document: Document) -> Json:
    artifacts = [artifact["uri"] for artifact in document["execution"]["artifacts"] if artifact.get("uri")]
    return {"artifact_urls": artifacts, "event_urls": [], "model_urls": []}
