"""Create and edit Tasks."""

from clearml_flows.localserver import errors, fields, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import now, own_task, project, save
from clearml_flows.localserver.services.projects.paths import find_or_create, touch
from clearml_flows.localserver.services.publicity import set_public
from clearml_flows.localserver.services.tasks import documents
from clearml_flows.localserver.services.tasks.documents import DELETED_PREFIX
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("tasks.create", writes=True)
def create(call: Call) -> Json:
    document = documents.new(call)
    call.db.tasks.insert(document)
    touch(call, document.get("project"))
    return {"id": document["id"]}


@endpoint("tasks.validate")
def validate(call: Call) -> Json:
    parent = call.data.get("parent") or ""
    documents.new(call.asking({**call.data, "parent": None}) if parent.startswith(DELETED_PREFIX) else call)
    return {}


@endpoint("tasks.edit", writes=True)
def edit(call: Call) -> Json:
    """Set fields of a Task with status `created`, or of any Task with `force`.

    A new status is set without checking the transition.
    """
    document = own_task(call)
    lifecycle.editable(document, bool(call.data.get("force")))
    fields = documents.edits(call, document)
    if call.data.get("status") is not None:
        if call.data["status"] not in lifecycle.STATUSES:
            raise errors.ValidationError(f"Invalid task status: {call.data['status']}")
        fields["status"] = call.data["status"]
    documents.check_inputs(call, {"models": {"input": [], **fields.get("models", {})}})
    return _save(call, document, fields)


@endpoint("tasks.update", writes=True)
def update(call: Call) -> Json:
    """Set the fields that may change in any status: name, project, comment, tags, message."""
    document = own_task(call)
    return _save(call, document, _notes(call, document))


@endpoint("tasks.update_batch", writes=True, batch=True)
def update_batch(call: Call) -> Json:
    """Like `update`, for each line of the body. `updated` is 0 or 1, as the SDK expects."""
    for request in call.data["requests"]:
        update(call.asking(request))
    return {"updated": int(bool(call.data["requests"]))}


def _notes(call: Call, document: Document) -> Document:
    edits = documents.edits(call, document)
    changed: Document = {name: value for name, value in edits.items() if name in documents.NOTES}
    if call.data.get("status_message") is not None:
        changed["status_message"] = call.data["status_message"]
    if call.data.get("output__error") is not None:
        changed["output"] = {**document["output"], "error": call.data["output__error"]}
    return changed


def _save(call: Call, document: Document, changed: Document) -> Json:
    if not changed:
        return {"updated": 0, "fields": {}}
    error = call.data.get("output__error")
    notes = documents.NOTES if error is None else documents.NOTES | {"output"}
    saved = save(call, call.db.tasks, document, changed, updates=not notes.issuperset(changed))
    if error is not None:
        del saved["output"]
        saved["output.error"] = error
    touch(call, changed.get("project"))
    return {"updated": 1, "fields": documents.shown(call, [saved])[0]}


@endpoint("tasks.update_tags", writes=True)
def update_tags(call: Call) -> Json:
    """Add and remove tags of Tasks.

    `updated` counts each Task once for `add_tags` and once for `remove_tags`.
    """
    added, removed = (fields.texts(call.data, name) for name in ("add_tags", "remove_tags"))
    if not added and not removed:
        raise errors.ValidationError("Either add tags or remove tags should be provided")
    found = [own_task(call, id) for id in fields.texts(call.data, "ids")]
    for document in found:
        tags = [*document["tags"], *(tag for tag in added if tag not in document["tags"])]
        changed = {"tags": [tag for tag in tags if tag not in removed]}
        save(call, call.db.tasks, document, changed, updates=False)
        touch(call, document.get("project"))
    return {"updated": len(found) * (bool(added) + bool(removed))}


@endpoint("tasks.edit_runtime", writes=True)
def edit_runtime(call: Call) -> Json:
    """Set and remove runtime properties of a Task that has not ended."""
    document = own_task(call)
    lifecycle.extensible(document, force=True)
    given, gone = call.data.get("add_or_update") or {}, fields.texts(call.data, "remove")
    if not given and not gone:
        return {"updated": 0}
    runtime = {name: value for name, value in {**document["runtime"], **given}.items() if name not in gone}
    save(call, call.db.tasks, document, {"runtime": runtime})
    return {"updated": 1}


@endpoint("tasks.make_public", writes=True)
def make_public(call: Call) -> Json:
    return set_public(call, call.db.tasks, errors.InvalidTaskId, public=True)


@endpoint("tasks.make_private", writes=True)
def make_private(call: Call) -> Json:
    return set_public(call, call.db.tasks, errors.InvalidTaskId, public=False)


@endpoint("tasks.set_requirements", writes=True)
def set_requirements(call: Call) -> Json:
    document = own_task(call)
    script = {**document["script"], "requirements": call.data["requirements"]}
    save(call, call.db.tasks, document, {"script": script})
    return {"updated": 1, "fields": {}}


@endpoint("tasks.ping", writes=True)
def ping(call: Call) -> Json:
    """Record that a running Task is alive. An unknown Task is not an error."""
    document = call.db.tasks.get(call.data["task"])
    if document:
        save(call, call.db.tasks, document, lifecycle.active(document, now()))
    return {}


@endpoint("tasks.move", writes=True)
def move(call: Call) -> Json:
    if "project" not in call.data and not call.data.get("project_name"):
        raise errors.MissingFields("project or project_name is required")
    target = _target(call)
    for id in call.data["ids"]:
        save(call, call.db.tasks, own_task(call, id), {"project": target})
    touch(call, target)
    return {"project_id": target}


def _target(call: Call) -> str | None:
    if call.data.get("project_name"):
        return str(find_or_create(call, call.data["project_name"])["id"])
    return str(project(call)["id"]) if call.data.get("project") else None
