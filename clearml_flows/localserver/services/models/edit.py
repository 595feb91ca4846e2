"""Create and change models. Their URIs are stored, never opened."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import metadata, tagging
from clearml_flows.localserver.services.common import changes, many, stamped
from clearml_flows.localserver.services.models.fields import edited, keep, new, own, updated
from clearml_flows.localserver.services.outgoing import shown
from clearml_flows.localserver.services.projects.paths import find_or_create, touch
from clearml_flows.localserver.services.publicity import PUBLIC, set_public
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("models.create", writes=True)
def create(call: Call) -> Json:
    owner = {"company": PUBLIC} if call.data.get("public") else {}
    return {"created": True, "id": insert(call, {"ready": True, **owner, **new(call)})["id"]}


def insert(call: Call, fields: Document) -> Document:
    """Store a new model with default values for missing fields, and touch its project."""
    empty: Document = {"tags": [], "system_tags": [], "design": {}, "labels": {}, "metadata": {}, "ui_cache": {}}
    document = {**stamped(call), **empty, "last_iteration": 0, "last_metrics": {}, **fields}
    call.db.models.insert(document)
    touch(call, document.get("project"))
    return document


@endpoint("models.edit", writes=True)
def edit(call: Call) -> Json:
    document, fields = own(call), edited(call)
    note_iteration(call, document.get("task") or fields.get("task"))
    return _kept(call, document, fields)


@endpoint("models.update", writes=True)
def update(call: Call) -> Json:
    """Set the fields that `models.update` allows.

    Framework, design and labels need `models.edit`.
    """
    return change(call, own(call))


def change(call: Call, document: Document) -> Json:
    """Set the fields that `models.update` allows, and return the answer."""
    fields = updated(call)
    note_iteration(call, call.data.get("task"))
    return _kept(call, document, fields)


def _kept(call: Call, document: Document, fields: Document) -> Json:
    if not fields:
        return {"updated": 0, "fields": {}}
    answered = keep(call, document, fields)
    shown(call, [answered])
    return {"updated": 1, "fields": answered}


def note_iteration(call: Call, task: str | None) -> None:
    """Raise the Task's `last_iteration` to the request's `iteration`, if it is higher."""
    owner = call.db.tasks.get(task) if task else None
    iteration = call.data.get("iteration")
    if owner and iteration is not None:
        latest = max(owner["last_iteration"], int(iteration))
        call.db.tasks.save({**owner, "last_iteration": latest, **changes(call)})


@endpoint("models.move", writes=True)
def move(call: Call) -> Json:
    """Move models into a project, or out of any project with `project: null`.

    Unknown ids are ignored.

    Raises:
        errors.MissingFields: Neither `project` nor `project_name` is given.
        errors.InvalidProjectId: The project does not exist.
    """
    name, project = call.data.get("project_name"), call.data.get("project")
    if not name and "project" not in call.data:
        raise errors.MissingFields("project or project_name is required")
    if project and call.db.projects.get(project) is None:
        raise errors.InvalidProjectId(id=project)
    target = project or (find_or_create(call, name)["id"] if name else None)
    for document in filter(None, map(call.db.models.get, call.data["ids"])):
        keep(call, document, {"project": target})
    touch(call, target)
    return {"project_id": target}


@endpoint("models.update_tags", writes=True)
def update_tags(call: Call) -> Json:
    return tagging.update_tags(call, call.db.models)


@endpoint("models.add_or_update_metadata", writes=True)
def add_or_update_metadata(call: Call) -> Json:
    document = own(call)
    return metadata.add_or_update(call, document, lambda fields: keep(call, document, fields))


@endpoint("models.delete_metadata", writes=True)
def delete_metadata(call: Call) -> Json:
    document = own(call)
    return metadata.delete(call, document, lambda fields: keep(call, document, fields))


@endpoint("models.archive_many", writes=True)
def archive_many(call: Call) -> Json:
    return many(call, lambda model_id: _archive(call, model_id, True))


@endpoint("models.unarchive_many", writes=True)
def unarchive_many(call: Call) -> Json:
    return many(call, lambda model_id: _archive(call, model_id, False))


def _archive(call: Call, id: str, archived: bool) -> Json:
    document = own(call, id)
    tags = [tag for tag in document["system_tags"] if tag != "archived"]
    keep(call, document, {"system_tags": [*tags, "archived"] if archived else tags})
    return {"archived" if archived else "unarchived": True}


@endpoint("models.make_public", writes=True)
def make_public(call: Call) -> Json:
    return set_public(call, call.db.models, errors.InvalidModelId, public=True)


@endpoint("models.make_private", writes=True)
def make_private(call: Call) -> Json:
    return set_public(call, call.db.models, errors.InvalidModelId, public=False)
