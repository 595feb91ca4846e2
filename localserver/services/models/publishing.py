"""Publishing models and deleting them."""

from localserver import errors, lifecycle
from localserver.registry import Call, endpoint
from localserver.services.common import many, model, save
from localserver.services.tasks.removal import users_of
from localserver.services.tasks.status import publish
from localserver.store.documents import Document
from localserver.wire import Json


@endpoint("models.set_ready", required=("model",), writes=True)
def set_ready(call: Call) -> Json:
    """Publish a model and, with `publish_task`, the Task that made it."""
    answer = _publish(call, call.data["model"], bool(call.data.get("publish_task")))
    return {"updated": 1, "fields": {}, **answer}


@endpoint("models.publish_many", required=("ids",), writes=True)
def publish_many(call: Call) -> Json:
    with_tasks = bool(call.data.get("publish_tasks"))
    return many(call, lambda model_id: {"updated": True, **_publish(call, model_id, with_tasks)})


@endpoint("models.delete", required=("model",), writes=True)
def delete(call: Call) -> Json:
    return {"deleted": True, **_delete(call, call.data["model"])}


@endpoint("models.delete_many", required=("ids",), writes=True)
def delete_many(call: Call) -> Json:
    return many(call, lambda model_id: {"deleted": True, **_delete(call, model_id)})


def _publish(call: Call, id: str, with_task: bool) -> Json:
    document = model(call, id)
    answer = _publish_task(call, document) if with_task else {}
    save(call, call.db.models, document, {"ready": True})
    return answer


def _publish_task(call: Call, document: Document) -> Json:
    owner = call.db.tasks.get(document["task"]) if document.get("task") else None
    if owner is None or owner["status"] == lifecycle.PUBLISHED:
        return {}
    request = call.asking({"force": call.data.get("force_publish_task"), "publish_model": False})
    return {"published_task": {"id": owner["id"], "data": publish(request, owner["id"])}}


def _delete(call: Call, id: str) -> Json:
    """A model that is published, or that Tasks use, needs force."""
    document = model(call, id)
    if not call.data.get("force"):
        users = call.db.tasks.count(users_of(id))
        if users:
            raise errors.ModelInUse("tasks use it, use force=True", id=id, tasks=users)
        if document["ready"] and document.get("task"):
            raise errors.ModelInUse("it is published, use force=True", id=id)
    call.db.events.delete(id)
    call.db.models.delete(id)
    return {"url": document.get("uri")}
