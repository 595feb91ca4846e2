"""The single output model of a Task, for clients before API 2.13."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import projection
from clearml_flows.localserver.services.common import changes, model, now, task
from clearml_flows.localserver.services.models.edit import change, insert, note_iteration
from clearml_flows.localserver.services.models.fields import own, updated
from clearml_flows.localserver.services.outgoing import shown
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json, Version

_LAST: Version = (2, 13)
_OPEN = (lifecycle.CREATED, lifecycle.IN_PROGRESS)


@endpoint("models.get_by_task_id")
def get_by_task_id(call: Call) -> Json:
    """Return the last output model of a Task."""
    _check_version(call, "use models.get_by_id/get_all apis")
    outputs = task(call)["models"]["output"]
    if not outputs:
        raise errors.MissingTaskFields(field="models.output")
    document = projection.parse(call.db.models.entity, None).of(model(call, outputs[-1]["model"]))
    shown(call, [document])
    return {"model": document}


@endpoint("models.update_for_task", writes=True)
def update_for_task(call: Call) -> Json:
    """Create or change the output model of a Task.

    With `uri`, the Task's current output model changes. If the Task has none, a draft model is created.
    With `override_model_id`, this model becomes the output model.
    """
    _check_version(call, "use tasks.add_or_update_model")
    uri, override = call.data.get("uri"), call.data.get("override_model_id")
    if bool(uri) == bool(override):
        raise errors.MissingFields("exactly one field is required", fields=("uri", "override_model_id"))
    owner = task(call)
    if owner["status"] not in _OPEN:
        raise errors.InvalidTaskStatus(f"model can only be updated for tasks in the {[*_OPEN]} states", id=owner["id"])
    if override:
        return _become_output(call, owner, own(call, override)["id"])
    call = call.asking({"name": owner["name"], "comment": _comment(owner), **call.data})
    if owner["models"]["output"]:
        document = own(call, owner["models"]["output"][-1]["model"])
        return {**change(call, document), "created": False, "id": document["id"]}
    return _become_output(call, owner, insert(call, _first(call, owner))["id"])


def _check_version(call: Call, advice: str) -> None:
    if call.version > _LAST:
        raise errors.NotSupported(advice)


def _comment(owner: Document) -> str:
    return f"Created by task `{owner['name']}` ({owner['id']})"


def _first(call: Call, owner: Document) -> Document:
    """Return the fields of a Task's first model, with defaults from the Task."""
    execution, inputs = owner["execution"], owner["models"]["input"]
    return {
        "task": owner["id"],
        "project": owner.get("project"),
        "framework": execution.get("framework"),
        "parent": inputs[0]["model"] if inputs else None,
        "design": execution.get("model_desc") or {},
        "labels": execution.get("model_labels") or {},
        "ready": False,
        **updated(call),
    }


def _become_output(call: Call, owner: Document, id: str) -> Json:
    """Make a model the only output model of a Task."""
    output = {"model": id, "name": "Output Model", "updated": now()}
    owner["models"] = {**owner["models"], "output": [output]}
    call.db.tasks.save({**owner, **changes(call)})
    note_iteration(call, owner["id"])
    return {"id": id, "created": True}
