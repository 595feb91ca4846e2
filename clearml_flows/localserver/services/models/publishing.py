"""Publish models and the Tasks that made them."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import many
from clearml_flows.localserver.services.models.fields import keep, own
from clearml_flows.localserver.services.tasks.status import publish
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json


@endpoint("models.set_ready", writes=True)
def set_ready(call: Call) -> Json:
    """Publish a model and, unless `publish_task` is false, the Task that made it."""
    return {"updated": 1, "fields": {}, **_publish(call, call.data["model"])}


@endpoint("models.publish_many", writes=True)
def publish_many(call: Call) -> Json:
    return many(call, lambda model_id: {"updated": True, **_publish(call, model_id)})


def _publish(call: Call, id: str) -> Json:
    document = own(call, id)
    if document["ready"]:
        raise errors.ModelIsReady(company=COMPANY, model=id)
    answer = {} if call.data.get("publish_task") is False else _publish_task(call, document)
    keep(call, document, {"ready": True})
    return answer


def _publish_task(call: Call, document: Document) -> Json:
    """Publish the Task of a model without its other models.

    Raises:
        errors.InvalidTaskStatus: The Task is still running.
    """
    owner = call.db.tasks.get(document["task"]) if document.get("task") else None
    if owner is None or owner["status"] == lifecycle.PUBLISHED:
        return {}
    request = call.asking({"force": call.data.get("force_publish_task"), "publish_model": False})
    return {"published_task": {"id": owner["id"], "data": publish(request, owner["id"])}}
