"""Delete all events of a Task or a model."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import model, task
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("events.delete_for_task", writes=True)
def delete_for_task(call: Call) -> Json:
    return {"deleted": call.db.events.delete(check_task_unlocked(call)["id"])}


@endpoint("events.delete_for_model", writes=True)
def delete_for_model(call: Call) -> Json:
    document = model(call)
    if document["ready"] and not call.data.get("allow_locked"):
        raise errors.InvalidModelId("Cannot update events for a published model", id=document["id"])
    return {"deleted": call.db.events.delete(document["id"])}


def check_task_unlocked(call: Call) -> Document:
    """Return the request's Task.

    Raises:
        errors.InvalidTaskId: The Task is missing, or published and `allow_locked` is not set.
    """
    document = task(call)
    if document["status"] == lifecycle.PUBLISHED and not call.data.get("allow_locked"):
        raise errors.InvalidTaskId("Cannot update events for a published task", id=document["id"])
    return document
