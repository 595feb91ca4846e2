"""Archive, reset and delete Tasks."""

from typing import NamedTuple

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.fields import texts
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, many, own_task, save
from clearml_flows.localserver.services.projects.paths import touch
from clearml_flows.localserver.services.tasks import documents
from clearml_flows.localserver.services.tasks.documents import DELETED_PREFIX
from clearml_flows.localserver.services.tasks.queueing import take_out
from clearml_flows.localserver.services.tasks.status import change, leave_queue, pipeline_steps
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

ARCHIVED = "archived"


@endpoint("tasks.archive", writes=True)
def archive(call: Call) -> Json:
    ids = texts(call.data, "tasks")
    missing = [id for id in ids if call.db.tasks.get(id) is None]
    if missing:
        raise errors.InvalidTaskId(ids=missing)
    for id in ids:
        _archive(call, id)
    return {"archived": len(ids)}


@endpoint("tasks.archive_many", writes=True)
def archive_many(call: Call) -> Json:
    return many(call, lambda task_id: _archive(call, task_id))


@endpoint("tasks.unarchive_many", writes=True)
def unarchive_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        document = own_task(call, id)
        for part in (*pipeline_steps(call, document), document):
            _tag(call, part, [tag for tag in part["system_tags"] if tag != ARCHIVED])
        return {"unarchived": True}

    return many(call, operate)


def _archive(call: Call, id: str) -> Json:
    """Archive a Task, dequeue it if it is queued, and stop it if it is running.

    `include_pipeline_steps` does the same for the steps of a pipeline.
    """
    document = own_task(call, id)
    for part in (*pipeline_steps(call, document), document):
        call.db.entries.remove(part["id"])
        take_out(call, part, lifecycle.STOPPED if part["status"] == lifecycle.IN_PROGRESS else None)
        _tag(call, part, [*(tag for tag in part["system_tags"] if tag != ARCHIVED), ARCHIVED])
    return {"archived": True}


def _tag(call: Call, document: Document, tags: list[str]) -> None:
    notes = {name: call.data.get(name) or "" for name in ("status_message", "status_reason")}
    save(call, call.db.tasks, document, {"system_tags": tags, **notes})


@endpoint("tasks.reset", writes=True)
def reset(call: Call) -> Json:
    dequeued, answer = _reset(call, call.data["task"])
    return {**answer, "dequeued": {} if dequeued is None else {"removed": dequeued}, "events": {}}


@endpoint("tasks.reset_many", writes=True)
def reset_many(call: Call) -> Json:
    def operate(id: str) -> Json:
        dequeued, answer = _reset(call, id)
        return {**answer, "dequeued": bool(dequeued)}

    return many(call, operate)


def _reset(call: Call, id: str) -> tuple[int | None, Json]:
    """Delete the results of a Task and set its status to `created`.

    Returns the number of queue entries removed (None if the Task was not queued), and the answer.
    """
    document = own_task(call, id)
    if document["status"] == lifecycle.PUBLISHED and not call.data.get("force"):
        raise errors.InvalidTaskStatus(task_id=id, status=document["status"])
    dequeued = leave_queue(call, document) if document["status"] == lifecycle.QUEUED else None
    call.db.entries.remove(id)
    cleaned = _clean_up(call, document, bool(call.data.get("force")), keeps_task=True)
    for name in _DONE:
        document.pop(name, None)
    reset = call.asking({**call.data, "status_reason": "reset", "status_message": "reset"})
    document |= documents.undone(document, everything=bool(call.data.get("clear_all")))
    fields = change(reset, document, lifecycle.CREATED)
    urls = cleaned.urls if call.data.get("return_file_urls") else {}
    return dequeued, {"updated": 1, "fields": fields, "deleted_models": cleaned.deleted_models, "urls": urls}


_DONE = ["started", "completed", "published", "active_duration", "last_worker", "last_worker_report", "enqueue_status"]


@endpoint("tasks.delete", writes=True)
def delete(call: Call) -> Json:
    return delete_task(call, call.data["task"])


@endpoint("tasks.delete_many", writes=True)
def delete_many(call: Call) -> Json:
    return many(call, lambda task_id: delete_task(call, task_id))


def delete_task(call: Call, id: str) -> Json:
    """Delete a Task. The counts in the answer do not include pipeline steps.

    Raises:
        errors.TaskInUse: The Task is neither new nor archived and `force` is not set.
    """
    document = own_task(call, id)
    status, force = document["status"], bool(call.data.get("force"))
    if status != lifecycle.CREATED and ARCHIVED not in document["system_tags"] and not force:
        raise errors.TaskInUse("due to status, use force=True", task=id, expected=lifecycle.CREATED, current=status)
    for step in pipeline_steps(call, document):
        remove(call, step)
    return {"deleted": True, **remove(call, document, force)}


def remove(call: Call, document: Document, force: bool = True) -> Json:
    """Delete a Task and its events and update what refers to it. Published models stay."""
    id = document["id"]
    cleaned = _clean_up(call, document, force)
    call.db.entries.remove(id)
    call.db.tasks.delete(id)
    touch(call, document.get("project"))
    return {**cleaned._asdict(), "urls": cleaned.urls if call.data.get("return_file_urls") else None}


class _Cleaned(NamedTuple):
    updated_children: int
    updated_models: int
    deleted_models: int
    urls: Json


def _clean_up(call: Call, document: Document, force: bool, keeps_task: bool = False) -> _Cleaned:
    """Delete the events and the unused draft models of a Task.

    Remaining models and children refer to `__DELETED__<id>`. With `keeps_task`, the models refer to no Task.
    """
    id = document["id"]
    _check_children(call, id, force)
    models = _made(call, document, force)
    drafts = [model for model in models if not model["ready"]]
    used = [model for model in drafts if call.db.tasks.count(users_of(model["id"]))]
    unused = [model for model in drafts if model not in used]
    deletes = call.data.get("delete_output_models") is not False
    for model in unused if deletes else ():
        call.db.events.delete(model["id"])
        call.db.models.delete(model["id"])
    kept = [model for model in models if model["ready"] or not deletes]
    gone = None if keeps_task else DELETED_PREFIX + id
    _refer(call, call.db.models, kept, "task", gone)
    _refer(call, call.db.models, used if deletes else [], "task", None)
    children = [] if keeps_task else _children(call, id)
    _refer(call, call.db.tasks, children, "parent", gone)
    call.db.events.delete(id)
    outputs = [item for item in document["execution"]["artifacts"] if item.get("mode") != "input"]
    urls = {"artifact_urls": _uris(outputs), "model_urls": _uris(unused), "event_urls": []}
    return _Cleaned(len(children), 0 if keeps_task else len(kept), len(unused) if deletes else 0, urls)


def _check_children(call: Call, id: str, force: bool) -> None:
    published = Selection().equal("parent", id).equal("status", lifecycle.PUBLISHED)
    if not force and (count := call.db.tasks.count(published)):
        raise errors.TaskInUse("has children, use force=True", task=id, children=count)


def _children(call: Call, id: str) -> list[Document]:
    return list(call.db.tasks.all(Selection().equal("parent", id)))


def _made(call: Call, document: Document, force: bool) -> list[Document]:
    """Return the models that name the Task or that the Task lists as output.

    Raises:
        errors.TaskInUse: A model is published and `force` is not set.
    """
    found = {model["id"]: model for model in call.db.models.all(Selection().equal("task", document["id"]))}
    published = [model for model in found.values() if model["ready"]]
    if published and not force:
        raise errors.TaskInUse("has output models, use force=True", task=document["id"], models=len(published))
    for item in document["models"]["output"]:
        model = call.db.models.get(str(item["model"]))
        if model and model["ready"] and not force:
            raise errors.TaskInUse("has output model, use force=True", task=document["id"], model=model["id"])
        if model:
            found.setdefault(model["id"], model)
    return list(found.values())


def _refer(call: Call, documents: Documents, found: list[Document], field: str, to: str | None) -> None:
    for document in found:
        document.update({field: to, **changes(call, updates=False)})
        if to is None:
            del document[field]
        documents.save(document)


def users_of(model: str) -> Selection:
    """Select the Tasks with this input model."""
    return Selection().holding("$.models.input", "model", model)


def _uris(items: list[Document]) -> list[str]:
    return [item["uri"] for item in items if item.get("uri")]
