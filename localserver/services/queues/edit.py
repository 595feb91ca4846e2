"""Making queues, changing and deleting them."""

from localserver import errors, lifecycle
from localserver.registry import Call, endpoint
from localserver.services import metadata
from localserver.services.common import check_name, given, queue, save
from localserver.services.queues import watch
from localserver.services.tasks.status import change
from localserver.wire import Json


@endpoint("queues.create", required=("name",), writes=True)
def create(call: Call) -> Json:
    return {"id": watch.create(call, call.data["name"], **given(call, "tags system_tags"))["id"]}


@endpoint("queues.update", required=("queue",), writes=True)
def update(call: Call) -> Json:
    document = queue(call)
    fields = given(call, "name tags system_tags")
    if "name" in fields:
        check_name(fields["name"])
    return {"updated": 1, "fields": save(call, call.db.queues, document, fields)}


@endpoint("queues.delete", required=("queue",), writes=True)
def delete(call: Call) -> Json:
    """With force also when Tasks wait in it: those are new again then."""
    document = queue(call)
    if call.db.entries.count(document["id"]) and not call.data.get("force"):
        raise errors.QueueNotEmpty("use force=true to delete", id=document["id"])
    for id in call.db.entries.clear(document["id"]):
        task = call.db.tasks.get(id)
        if task and task["status"] == lifecycle.QUEUED:
            before = task.get("enqueue_status") or lifecycle.CREATED
            change(call, task, before, {"enqueue_status": None}, force=True)
    call.db.queues.delete(document["id"])
    return {"deleted": 1}


@endpoint("queues.add_or_update_metadata", required=("queue", "metadata"), writes=True)
def add_or_update_metadata(call: Call) -> Json:
    return metadata.add_or_update(call, call.db.queues, queue(call))


@endpoint("queues.delete_metadata", required=("queue", "keys"), writes=True)
def delete_metadata(call: Call) -> Json:
    return metadata.delete(call, call.db.queues, queue(call))
