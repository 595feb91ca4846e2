"""Making a Task and editing it."""

from typing import Any

from localserver import lifecycle
from localserver.registry import Call, endpoint
from localserver.services.common import check_project, now, project, save, task
from localserver.services.projects.paths import find_or_create, touch
from localserver.services.tasks import documents
from localserver.store.documents import Document
from localserver.wire import Json

_FIELDS = {"models": "dict"}
_UPDATABLE = frozenset({"name", "comment", "project", "tags", "system_tags"})


@endpoint("tasks.create", required=("name", "type"), fields=_FIELDS, writes=True)
def create(call: Call) -> Json:
    document = documents.new(call)
    call.db.tasks.insert(document)
    touch(call, document.get("project"))
    return {"id": document["id"]}


@endpoint("tasks.validate", required=("name", "type"), fields=_FIELDS)
def validate(call: Call) -> Json:
    documents.new(call)
    return {}


@endpoint("tasks.edit", required=("task",), fields=_FIELDS, writes=True)
def edit(call: Call) -> Json:
    """Sets whole fields of a Task that is new, or of any not published one with `force`."""
    document = task(call)
    lifecycle.editable(document, bool(call.data.get("force")))
    return {"updated": 1, "fields": save(call, call.db.tasks, document, documents.edits(call, document))}


@endpoint("tasks.update", required=("task",), writes=True)
def update(call: Call) -> Json:
    """Sets what may be changed in any status: names, comments, tags."""
    return {"updated": 1, "fields": _update(call, task(call))}


@endpoint("tasks.update_batch", writes=True, batch=True)
def update_batch(call: Call) -> Json:
    """As `update`, for each line of the body; `updated` is 0 or 1, as the SDK's response class has it."""
    for request in call.data["requests"]:
        part = call.asking(request)
        _update(part, task(part))
    return {"updated": int(bool(call.data["requests"]))}


def _update(call: Call, document: Document) -> Document:
    edits = documents.edits(call, document)
    changed: Document = {name: value for name, value in edits.items() if name in _UPDATABLE}
    if call.data.get("output__error") is not None:
        changed["output"] = {**document["output"], "error": call.data["output__error"]}
    return save(call, call.db.tasks, document, changed)


@endpoint("tasks.set_requirements", required=("task", "requirements"), writes=True)
def set_requirements(call: Call) -> Json:
    document = task(call)
    script = {**document["script"], "requirements": call.data["requirements"]}
    save(call, call.db.tasks, document, {"script": script})
    return {"updated": 1, "fields": {}}


@endpoint("tasks.ping", required=("task",), writes=True)
def ping(call: Call) -> Json:
    """A sign of life of a running Task; one that is not there is no error."""
    document = call.db.tasks.get(call.data["task"])
    if document:
        document["last_update"] = now()
        call.db.tasks.save(document)
    return {}


@endpoint("tasks.move", required=("ids",), writes=True)
def move(call: Call) -> Json:
    target = _target(call)
    for id in call.data["ids"]:
        save(call, call.db.tasks, task(call, id), {"project": target})
    touch(call, target)
    return {"project_id": target}


def _target(call: Call) -> str | None:
    if call.data.get("project_name"):
        return str(find_or_create(call, call.data["project_name"])["id"])
    return check_project(call, call.data.get("project"))


_CLONED = ("new_task_container", "new_task_hyperparams", "new_task_configuration", "execution_overrides")


@endpoint("tasks.clone", required=("task",), fields=dict.fromkeys(_CLONED, "dict"), writes=True)
def clone(call: Call) -> Json:
    """A new Task with the definition of another one, and nothing of what that one did."""
    source = task(call)
    data = call.data
    target = find_or_create(call, data["new_project_name"])["id"] if data.get("new_project_name") else None
    definition = {
        "name": data.get("new_task_name") or f"Clone of {source['name']}",
        "type": source["type"],
        "comment": data.get("new_task_comment") or source.get("comment"),
        "parent": data.get("new_task_parent") or source.get("parent"),
        "project": target or data.get("new_task_project") or source.get("project"),
        "tags": _first(data.get("new_task_tags"), source["tags"]),
        "system_tags": _first(data.get("new_task_system_tags"), _cloned_tags(source)),
        "hyperparams": _first(data.get("new_task_hyperparams"), source["hyperparams"]),
        "configuration": _first(data.get("new_task_configuration"), source["configuration"]),
        "container": _first(data.get("new_task_container"), source["container"]),
        "script": source["script"],
        "execution": {**_cloned_execution(source), **(data.get("execution_overrides") or {})},
        "models": {"input": _first(data.get("new_task_input_models"), source["models"]["input"]), "output": []},
        "output_dest": source["output"].get("destination"),
    }
    document = documents.new(call.asking(definition))
    call.db.tasks.insert(document)
    touch(call, document.get("project"))
    if target is None:
        return {"id": document["id"]}
    return {"id": document["id"], "new_project": {"id": target, "name": project(call, target)["name"]}}


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given


def _cloned_tags(source: Document) -> list[str]:
    return [tag for tag in source["system_tags"] if tag not in ("development", "archived")]


def _cloned_execution(source: Document) -> Document:
    kept = [artifact for artifact in source["execution"]["artifacts"] if artifact.get("mode") == "input"]
    return {**source["execution"], "artifacts": kept, "queue": None}
