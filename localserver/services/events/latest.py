"""What a Task's or a model's own document keeps of its events: the last, lowest and highest value of every scalar."""

import hashlib
from collections.abc import Iterable

from localserver.registry import Call
from localserver.services.common import now
from localserver.store.documents import Document
from localserver.store.events import SCALAR, SINGLE_VALUE_ITERATION, Event


def note(call: Call, document: Document, events: Iterable[Event]) -> None:
    """Takes the events into `last_metrics`, `last_iteration` and `last_update`; they must be stored already."""
    metrics = document.setdefault("last_metrics", {})
    for event in events:
        if event.iter != SINGLE_VALUE_ITERATION:
            document["last_iteration"] = max(document.get("last_iteration") or 0, event.iter)
        if event.type == SCALAR and event.value is not None:
            variants = metrics.setdefault(hashed(event.metric), {})
            variants[hashed(event.variant)] = _item(call, variants.get(hashed(event.variant)), event, event.value)
    document["last_update"] = now()


def hashed(name: str) -> str:
    """The key of a metric's or a variant's name: the SDK sorts and filters by these."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _item(call: Call, known: Document | None, event: Event, value: float) -> Document:
    item = known or {
        "metric": event.metric,
        "variant": event.variant,
        "min_value": value,
        "min_value_iteration": event.iter,
        "max_value": value,
        "max_value_iteration": event.iter,
    }
    if value < item["min_value"]:
        item |= {"min_value": value, "min_value_iteration": event.iter}
    if value > item["max_value"]:
        item |= {"max_value": value, "max_value_iteration": event.iter}
    # The last one is that of the highest iteration, whenever it was written.
    last = call.db.events.last_value(event.task, event.metric, event.variant)
    item["value"] = last[2] if last else value
    return item
