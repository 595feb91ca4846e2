"""Create, change and delete queues."""

from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import metadata
from clearml_flows.localserver.services.common import check_name, check_tags, given, queue
from clearml_flows.localserver.services.outgoing import shown
from clearml_flows.localserver.services.queues import watch
from clearml_flows.localserver.services.queues.leaving import leave
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("queues.create", writes=True)
def create(call: Call) -> Json:
    return {"id": watch.create(call, **_fields(call))["id"]}


@endpoint("queues.update", writes=True)
def update(call: Call) -> Json:
    document, fields = queue(call), _fields(call)
    answered = _keep(call, document, fields)
    shown(call, [answered])
    return {"updated": int(bool(fields)), "fields": answered}


@endpoint("queues.delete", writes=True)
def delete(call: Call) -> Json:
    """Delete a queue. Tasks in it return to their earlier status.

    Raises:
        errors.QueueNotEmpty: Tasks wait in the queue and `force` is not set.
    """
    document = queue(call)
    id = document["id"]
    if call.db.entries.count(id) and not call.data.get("force"):
        raise errors.QueueNotEmpty("use force=true to delete", id=id)
    leave(call, id, call.db.entries.clear(id), f"Queue {id} was deleted")
    call.db.samples.forget(id)
    call.db.queues.delete(id)
    return {"deleted": 1}


@endpoint("queues.add_or_update_metadata", writes=True)
def add_or_update_metadata(call: Call) -> Json:
    document = queue(call)
    return metadata.add_or_update(call, document, lambda fields: _keep(call, document, fields))


@endpoint("queues.delete_metadata", writes=True)
def delete_metadata(call: Call) -> Json:
    document = queue(call)
    return metadata.delete(call, document, lambda fields: _keep(call, document, fields))


def _fields(call: Call) -> dict[str, Any]:
    fields = given(call, "name display_name tags system_tags metadata")
    check_tags(fields)
    if "name" in fields:
        fields["name"] = check_name(fields["name"]).strip()
    return fields


def _keep(call: Call, document: Document, fields: Document) -> Document:
    """Save fields of a queue. `last_update` stays: it is the time of the last entry change."""
    call.db.queues.save({**document, **fields})
    return fields
