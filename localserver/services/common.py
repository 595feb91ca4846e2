"""What the handlers share: ids and times, looking documents up, saving changes, an operation over many ids."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localserver import errors
from localserver.registry import Call
from localserver.store.documents import Document, Documents
from localserver.tokens import COMPANY
from localserver.wire import Json

MIN_NAME_LENGTH = 3


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_id() -> str:
    return uuid.uuid4().hex


def stamped(call: Call) -> Document:
    """The fields that every new document begins with."""
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
    """The fields that note when and by whom something was changed; without `updates` only its notes were."""
    time = now()
    fields = {"last_change": time, "last_changed_by": call.user}
    return {**fields, "last_update": time} if updates else fields


def save(call: Call, documents: Documents, document: Document, fields: Document, updates: bool = True) -> Document:
    """Set fields of a document and save it; the fields that changed, as answers tell them."""
    fields = {**fields, **changes(call, updates)}
    document.update(fields)
    documents.save(document)
    return fields


def task(call: Call, id: str | None = None) -> Document:
    """A Task to read; raises errors.InvalidTaskId."""
    id = call.data["task"] if id is None else id
    found = call.db.tasks.get(id)
    if found is None:
        raise errors.InvalidTaskId(id=id, company=COMPANY)
    return found


def own_task(call: Call, id: str | None = None) -> Document:
    """A Task to change; raises errors.InvalidTaskId, or NoWritePermission for a public one."""
    found = task(call, id)
    if found["company"] != COMPANY:
        raise errors.NoWritePermission("cannot modify public task(s)", ids=(found["id"],))
    return found


def model(call: Call, id: str | None = None) -> Document:
    id = call.data["model"] if id is None else id
    found = call.db.models.get(id)
    if found is None:
        raise errors.InvalidModelId("no such public or company model", id=id, company=COMPANY)
    return found


def project(call: Call, id: str | None = None) -> Document:
    id = call.data["project"] if id is None else id
    found = call.db.projects.get(id)
    if found is None:
        raise errors.InvalidProjectId(id=id)
    return found


def own_project(call: Call) -> Document:
    """The project to change; raises errors.InvalidProjectId, or NoWritePermission for a public one."""
    found = project(call)
    if found["company"] != COMPANY:
        raise errors.NoWritePermission("cannot modify public project(s)", ids=(found["id"],))
    return found


def queue(call: Call, id: str | None = None) -> Document:
    id = call.data["queue"] if id is None else id
    found = call.db.queues.get(id)
    if found is None:
        raise errors.InvalidQueueId(id=id, company=COMPANY)
    return found


def check_name(name: str) -> str:
    if len(name.strip()) < MIN_NAME_LENGTH:
        raise errors.DataValidationError(name="String value is too short")
    return name


def check_tags(fields: Document) -> None:
    """Raises errors.InvalidFields for a tag that a filter would take for one of its operators."""
    tags = [*(fields.get("tags") or []), *(fields.get("system_tags") or [])]
    unsupported = [tag for tag in tags if tag.startswith("__$")]
    if unsupported:
        raise errors.InvalidFields("unsupported tag prefix", values=unsupported)


def check_project(call: Call, id: str | None) -> str | None:
    """Raises errors.InvalidFields when something is to be put into a project that is not there."""
    if id and call.db.projects.get(id) is None:
        raise errors.InvalidFields("expecting Project id", id=id, field="project")
    return id


def many(call: Call, operate: Callable[[str], Json]) -> Json:
    """Do something to each of `ids`: what was done, and for which of them it failed and why."""
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
    """The fields of a request among `names` that have a value."""
    return {name: call.data[name] for name in names.split() if call.data.get(name) is not None}


def page(items: list[Any], data: Json) -> Json:
    """A page of items that are all at hand, with how many there are and how many come behind it."""
    size = int(data.get("page_size") or 500)
    start = int(data.get("page") or 0) * size
    shown = items[start : start + size]
    return {"items": shown, "total": len(items), "remaining": max(0, len(items) - start - len(shown))}
