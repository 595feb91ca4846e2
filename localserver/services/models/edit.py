"""Making models and changing them. Their URIs are kept, never opened."""

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services import metadata
from localserver.services.common import check_name, check_project, given, many, model, now, save, stamped, task
from localserver.services.projects.paths import find_or_create, touch
from localserver.store.documents import Document
from localserver.wire import Json

_FIELDS = "name tags system_tags task comment uri project framework design labels ready parent ui_cache"
_TYPES = {"ui_cache": "dict"}


@endpoint("models.create", required=("uri", "name"), fields=_TYPES, writes=True)
def create(call: Call) -> Json:
    return {"created": True, "id": _insert(call, _edits(call))["id"]}


@endpoint("models.edit", required=("model",), fields=_TYPES, writes=True)
def edit(call: Call) -> Json:
    document = model(call)
    fields = save(call, call.db.models, document, _edits(call))
    _note_iteration(call, document)
    return {"updated": 1, "fields": fields}


@endpoint("models.update", required=("model",), fields=_TYPES, writes=True)
def update(call: Call) -> Json:
    return edit(call)


@endpoint("models.update_for_task", required=("task",), writes=True)
def update_for_task(call: Call) -> Json:
    """Make the model that a Task produces, or change it: the one named by `override_model_id`, or with the same URI."""
    owner = task(call)
    fields = given(call, "name uri comment tags system_tags")
    document = _output_of(call, owner)
    if document is None:
        if not fields.get("uri"):
            raise errors.ValidationError("error for field 'uri'. field is required!")
        name = fields.get("name") or owner["name"]
        document = _insert(call, {**fields, "name": name, "task": owner["id"], "project": owner.get("project")})
        item = {"name": name, "model": document["id"], "updated": now()}
        outputs = [*owner["models"]["output"], item]
        save(call, call.db.tasks, owner, {"models": {**owner["models"], "output": outputs}})
        return {"created": True, "updated": 0, "id": document["id"], "fields": fields}
    changed = save(call, call.db.models, document, {**fields, "task": owner["id"]})
    _note_iteration(call, document)
    return {"created": False, "updated": 1, "id": document["id"], "fields": changed}


@endpoint("models.move", required=("ids",), writes=True)
def move(call: Call) -> Json:
    name = call.data.get("project_name")
    target = find_or_create(call, name)["id"] if name else check_project(call, call.data.get("project"))
    for id in call.data["ids"]:
        save(call, call.db.models, model(call, id), {"project": target})
    touch(call, target)
    return {"project_id": target}


@endpoint("models.add_or_update_metadata", required=("model", "metadata"), writes=True)
def add_or_update_metadata(call: Call) -> Json:
    return metadata.add_or_update(call, call.db.models, model(call))


@endpoint("models.delete_metadata", required=("model", "keys"), writes=True)
def delete_metadata(call: Call) -> Json:
    return metadata.delete(call, call.db.models, model(call))


@endpoint("models.archive_many", required=("ids",), writes=True)
def archive_many(call: Call) -> Json:
    return many(call, lambda model_id: _archive(call, model_id, True))


@endpoint("models.unarchive_many", required=("ids",), writes=True)
def unarchive_many(call: Call) -> Json:
    return many(call, lambda model_id: _archive(call, model_id, False))


@endpoint("models.make_public", writes=True)
def make_public(call: Call) -> Json:
    """There is one company here, so public or not is the same; the models must be there all the same."""
    return {"updated": len([model(call, id) for id in call.data.get("ids") or []])}


@endpoint("models.make_private", writes=True)
def make_private(call: Call) -> Json:
    return make_public(call)


def _archive(call: Call, id: str, archived: bool) -> Json:
    document = model(call, id)
    tags = [tag for tag in document["system_tags"] if tag != "archived"]
    save(call, call.db.models, document, {"system_tags": [*tags, "archived"] if archived else tags})
    return {"archived" if archived else "unarchived": True}


def _edits(call: Call) -> Document:
    fields = given(call, _FIELDS)
    if "name" in fields:
        check_name(fields["name"])
    check_project(call, fields.get("project"))
    if call.data.get("metadata") is not None:
        given_items = call.data["metadata"]
        fields["metadata"] = given_items if isinstance(given_items, dict) else metadata.keyed(call.data)
    return fields


def _insert(call: Call, fields: Document) -> Document:
    empty = {"tags": [], "system_tags": [], "design": {}, "labels": {}, "ready": True, "metadata": {}, "ui_cache": {}}
    document = {**stamped(call), **empty, "last_iteration": 0, "last_metrics": {}, **fields}
    call.db.models.insert(document)
    touch(call, document.get("project"))
    return document


def _note_iteration(call: Call, document: Document) -> None:
    """A model that is written at an iteration tells how far its Task has come."""
    owner = call.db.tasks.get(document["task"]) if document.get("task") else None
    iteration = call.data.get("iteration")
    if owner and iteration is not None and iteration > owner["last_iteration"]:
        save(call, call.db.tasks, owner, {"last_iteration": int(iteration)})


def _output_of(call: Call, owner: Document) -> Document | None:
    if call.data.get("override_model_id"):
        return model(call, call.data["override_model_id"])
    made = [call.db.models.get(str(item["model"])) for item in owner["models"]["output"]]
    return next((found for found in made if found and found.get("uri") == call.data.get("uri")), None)
