"""Delete models and update the Tasks that refer to them."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, many, now
from clearml_flows.localserver.services.models.fields import own
from clearml_flows.localserver.services.tasks.documents import DELETED_PREFIX
from clearml_flows.localserver.services.tasks.removal import users_of
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("models.delete", writes=True)
def delete(call: Call) -> Json:
    return {"deleted": True, **_delete(call, call.data["model"])}


@endpoint("models.delete_many", writes=True)
def delete_many(call: Call) -> Json:
    return many(call, lambda model_id: {"deleted": True, **_delete(call, model_id)})


def _delete(call: Call, id: str) -> Json:
    """Delete a model and its events, and mark it as deleted in the Tasks that use it.

    Raises:
        errors.ModelInUse: Tasks use the model and `force` is not set.
        errors.ModelCreatingTaskExists: A published Task made the model and `force` is not set.
    """
    document = own(call, id)
    force = bool(call.data.get("force"))
    users = list(call.db.tasks.all(users_of(id)))
    if users and not force:
        raise errors.ModelInUse("as execution model, use force=True to delete", num_tasks=len(users))
    for user in users:
        _save(call, user["id"], "input", [_marked(item, id) for item in user["models"]["input"]])
    _leave_maker(call, document, force)
    call.db.events.delete(id)
    call.db.models.delete(id)
    return {"url": document.get("uri")}


def _leave_maker(call: Call, document: Document, force: bool) -> None:
    """Remove a model from the outputs of its Task. A published Task keeps a deletion mark."""
    id, owner = document["id"], call.db.tasks.get(document["task"]) if document.get("task") else None
    if owner is None:
        return
    outputs = owner["models"]["output"]
    if owner["status"] != lifecycle.PUBLISHED:
        _save(call, owner["id"], "output", [item for item in outputs if item["model"] != id])
        return
    if not force:
        raise errors.ModelCreatingTaskExists("and published, use force=True to delete", task=owner["id"])
    if any(item["model"] == id for item in outputs):
        _save(call, owner["id"], "output", [_marked(item, id) for item in outputs], f"model deleted on {now()}")


def _marked(item: Document, id: str) -> Document:
    return {**item, "model": DELETED_PREFIX + id} if item["model"] == id else item


def _save(call: Call, task: str, kind: str, items: list[Document], error: str = "") -> None:
    # Read again, because the same Task may be both user and maker of the model.
    document = call.db.tasks.get(task)
    if document:
        document["models"] = {**document["models"], kind: items}
        if error:
            document["output"] = {**document["output"], "error": error}
        call.db.tasks.save({**document, **changes(call)})
