"""Reading events as they are, page by page."""

import base64
import json
from typing import Any

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.services.common import model, task
from localserver.store.documents import Document
from localserver.store.events import LOG, SCALAR, TYPES, Place, Which
from localserver.wire import Json

DEFAULT_BATCH = 500
MAX_BATCH = 10_000


@endpoint("events.get_task_events", required=("task",))
def get_task_events(call: Call) -> Json:
    return _page(call, Which([call.data["task"]], event_type(call, "")))


@endpoint("events.get_scalar_metric_data")
def get_scalar_metric_data(call: Call) -> Json:
    """The scalars of one metric, every one of them."""
    which = Which([fields.text(call.data, "task")], SCALAR, {fields.text(call.data, "metric"): []})
    return _page(call, which)


@endpoint("events.get_task_log", required=("task",))
def get_task_log(call: Call) -> Json:
    """Console lines: the last ones, or those next to `from_timestamp`; in the order of time unless `order` is desc."""
    which = Which([call.data["task"]], LOG)
    size = batch_size(call)
    earlier = call.data.get("navigate_earlier") is not False
    if call.data.get("from_timestamp") is not None:
        events = call.db.events.since(which, int(call.data["from_timestamp"]), size, earlier)
    else:
        events, _ = call.db.events.page(which, size, descending=earlier)
    if earlier == (call.data.get("order") == "asc"):
        events.reverse()
    return {"events": events, "returned": len(events), "total": call.db.events.count(which)}


@endpoint("events.clear_scroll", required=("scroll_id",))
def clear_scroll(_: Call) -> Json:
    """Nothing is held for a scroll: its id says where it stands."""
    return {}


@endpoint("events.delete_for_task", required=("task",), writes=True)
def delete_for_task(call: Call) -> Json:
    document = task(call)
    _check_unlocked(call, document)
    call.db.events.delete(document["id"])
    call.db.tasks.save({**document, "last_metrics": {}})
    return {"deleted": True}


@endpoint("events.delete_for_model", required=("model",), writes=True)
def delete_for_model(call: Call) -> Json:
    document = model(call)
    call.db.events.delete(document["id"])
    call.db.models.save({**document, "last_metrics": {}})
    return {"deleted": True}


@endpoint("events.clear_task_log", required=("task",), writes=True)
def clear_task_log(call: Call) -> Json:
    """Delete the console, or what in it is older than `threshold_sec` before its last line."""
    document = task(call)
    _check_unlocked(call, document)
    last, _ = call.db.events.page(Which([document["id"]], LOG), 1, descending=True)
    if not last:
        return {"deleted": 0}
    before = last[0]["timestamp"] - int(call.data.get("threshold_sec") or -1) * 1000
    return {"deleted": call.db.events.delete_log(document["id"], before)}


def _check_unlocked(call: Call, document: Document) -> None:
    if document["status"] == "published" and not call.data.get("allow_locked"):
        raise errors.InvalidTaskStatus("published, use allow_locked=true", task=document["id"])


def _page(call: Call, which: Which) -> Json:
    place = unscrolled(call)
    after = Place(*place) if place else None
    events, last = call.db.events.page(which, batch_size(call), call.data.get("order") == "desc", after)
    scroll_id = scrolled([last.timestamp, last.seq]) if last else ""
    return {"events": events, "returned": len(events), "total": call.db.events.count(which), "scroll_id": scroll_id}


def event_type(call: Call, default: str) -> str:
    kind = call.data.get("event_type") or default
    if kind not in TYPES:
        raise errors.ValidationError(f"error for field 'event_type'. value must be one of {', '.join(sorted(TYPES))}")
    return str(kind)


def batch_size(call: Call) -> int:
    size = call.data.get("batch_size")
    if size is None:
        return DEFAULT_BATCH
    if not 1 <= size <= MAX_BATCH:
        raise errors.ValidationError(f"error for field 'batch_size'. value must be from 1 to {MAX_BATCH}")
    return int(size)


def scrolled(place: list[int]) -> str:
    """A place as an id to be given back: it is all there is to a scroll, so nothing need be kept for one."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def unscrolled(call: Call) -> list[Any] | None:
    """The two numbers in the request's scroll id; raises errors.InvalidFields if this server did not make it."""
    scroll_id = call.data.get("scroll_id")
    if not scroll_id:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(scroll_id.encode()))
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or len(place) != 2 or not all(isinstance(item, int) for item in place):
        raise errors.InvalidFields("not a scroll id that this server gave", field="scroll_id")
    return place
