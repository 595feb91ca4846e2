"""Helpers shared by the handlers: ids, times, lookups, saving, and batch operations."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json

MIN_NAME_LENGTH = 3


def now() -> str:
    """Return the current UTC time in ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_id() -> str:
    """Return a new random id of 32 hexadecimal digits."""
    return uuid.uuid4().hex


def stamped(call: Call) -> Document:
    """Return the fields common to every new document: id, company, user and times."""
    time = now()
    return {
        "id": new_id(),
        "company": COMPANY,
        "user": call.user,
        "created": time,
        "last_update": time,
        "last_change": time,
        "last_changed_by": call.user,
    }


def changes(call: Call, updates: bool = True) -> Document:
    """Return `last_change` and `last_changed_by`, and `last_update` unless `updates` is false.

    Pass `updates=False` when only notes such as tags or the comment change.
    """
    time = now()
    fields = {"last_change": time, "last_changed_by": call.user}
    return {**fields, "last_update": time} if updates else fields


def save(call: Call, documents: Documents, document: Document, fields: Document, updates: bool = True) -> Document:
    """Set fields of a document, save it, and return all changed fields for the answer."""
    fields = {**fields, **changes(call, updates)}
    document.update(fields)
    documents.save(document)
    return fields


def task(call: Call, id: str | None = None) -> Document:
    """Return a Task for reading; raises errors.InvalidTaskId."""
    id = call.data["task"] if id is None else id
    found = call.db.tasks.get(id)
    if found is None:
        raise errors.InvalidTaskId(id=id, company=COMPANY)
    return found


def own_task(call: Call, id: str | None = None) -> Document:
    """Return a Task for writing.

    Raises:
        errors.InvalidTaskId: The Task does not exist.
        errors.NoWritePermission: The Task is public.
    """
    found = task(call, id)
    if found["company"] != COMPANY:
        raise errors.NoWritePermission("cannot modify public task(s)", ids=(found["id"],))
    return found


def model(call: Call, id: str | None = None) -> Document:
    """Return a model; raises errors.InvalidModelId."""
    id = call.data["model"] if id is None else id
    found = call.db.models.get(id)
    if found is None:
        raise errors.InvalidModelId("no such public or company model", id=id, company=COMPANY)
    return found


def project(call: Call, id: str | None = None) -> Document:
    """Return a project; raises errors.InvalidProjectId."""
    id = call.data["project"] if id is None else id
    found = call.db.projects.get(id)
    if found is None:
        raise errors.InvalidProjectId(id=id)
    return found


def own_project(call: Call) -> Document:
    """Return the request's project for writing.

    Raises:
        errors.InvalidProjectId: The project does not exist.
        errors.NoWritePermission: The project is public.
    """
    found = project(call)
    if found["company"] != COMPANY:
        raise errors.NoWritePermission("cannot modify public project(s)", ids=(found["id"],))
    return found


def queue(call: Call, id: str | None = None) -> Document:
    """Return a queue; raises errors.InvalidQueueId."""
    id = call.data["queue"] if id is None else id
    found = call.db.queues.get(id)
    if found is None:
        raise errors.InvalidQueueId(id=id, company=COMPANY)
    return found


def check_name(name: str) -> str:
    """Return the name; raises errors.DataValidationError if it is too short."""
    if len(name.strip()) < MIN_NAME_LENGTH:
        raise errors.DataValidationError(name="String value is too short")
    return name


def check_tags(fields: Document) -> None:
    """Reject tags that start with `__$`; raises errors.InvalidFields.

    Filters read this prefix as an operator.
    """
    tags = [*(fields.get("tags") or []), *(fields.get("system_tags") or [])]
    unsupported = [tag for tag in tags if tag.startswith("__$")]
    if unsupported:
        raise errors.InvalidFields("unsupported tag prefix", values=unsupported)


def check_project(call: Call, id: str | None) -> str | None:
    """Return the project id; raises errors.InvalidFields if it names no existing project."""
    if id and call.db.projects.get(id) is None:
        raise errors.InvalidFields("expecting Project id", id=id, field="project")
    return id


def many(call: Call, operate: Callable[[str], Json]) -> Json:
    """Call `operate` for each of the request's `ids`, each in its own savepoint.

    Returns `succeeded` with each result and `failed` with each error. One failure does not undo the others.
    """
    succeeded: list[Json] = []
    failed: list[Json] = []
    for id in call.data["ids"]:
        try:
            with call.db.savepoint():
                succeeded.append({"id": id, **operate(str(id))})
        except errors.ApiError as error:
            codes = [error.code, error.subcode]
            failed.append({"id": id, "error": {"codes": codes, "msg": str(error), "data": error.values}})
    return {"succeeded": succeeded, "failed": failed}


def given(call: Call, names: str) -> Document:
    """Return the named request fields that are present and not null.

    `names` is a space-separated list.
    """
    return {name: call.data[name] for name in names.split() if call.data.get(name) is not None}


def page(items: list[Any], data: Json) -> Json:
    """Return one page of a complete list, the total, and the number of items after the page."""
    size = int(data.get("page_size") or 500)
    start = int(data.get("page") or 0) * size
    shown = items[start : start + size]
    return {"items": shown, "total": len(items), "remaining": max(0, len(items) - start - len(shown))}
