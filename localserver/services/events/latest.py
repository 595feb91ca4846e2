"""The summary of events in the document of a Task or a model. Each batch adds to it; no event is read again."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from localserver import lifecycle
from localserver.registry import Call
from localserver.services.common import changes
from localserver.store.documents import Document
from localserver.store.events import SCALAR, Event

MAX_SCALARS = 2000
# Their iterations are seconds.
_MONITORS = frozenset({":monitor:machine", ":monitor:gpu"})
_MEAN_DIGITS = 2


def note(call: Call, document: Document, events: Sequence[Event]) -> None:
    """Take a batch into `last_metrics`, `unique_metrics`, `last_iteration`, and for Tasks `metric_stats`."""
    document.update(changes(call))
    iterations = [event.iter for event in events if "iter" in event.document and event.metric not in _MONITORS]
    document["last_iteration"] = max([document.get("last_iteration") or 0, *iterations])
    _note_scalars(document, events)
    if "status" not in document:
        return
    document["metric_stats"] = _stats(events)
    document.update(lifecycle.active(document, document["last_update"]))


def hashed(name: str) -> str:
    """The key of a metric's or a variant's name: the SDK sorts and filters by these."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _note_scalars(document: Document, events: Iterable[Event]) -> None:
    metrics = document.setdefault("last_metrics", {})
    names = dict.fromkeys(document.get("unique_metrics") or [])
    batches: dict[tuple[str, str], list[tuple[Event, float]]] = {}
    for event in events:
        if event.type == SCALAR and event.value is not None:
            batches.setdefault((event.metric, event.variant), []).append((event, event.value))
    # In the order of their keys, since the server's database adds fields in it.
    for (metric, variant), batch in sorted(batches.items(), key=lambda item: tuple(map(hashed, item[0]))):
        name = f"{metric}/{variant}"
        if name not in names and len(names) >= MAX_SCALARS:
            continue
        names[name] = None
        variants = metrics.setdefault(hashed(metric), {})
        variants[hashed(variant)] = _summary(variants.get(hashed(variant)) or {}, metric, variant, batch)
    document["unique_metrics"] = list(names)


def _summary(known: Document, metric: str, variant: str, batch: list[tuple[Event, float]]) -> Document:
    """The item of one scalar after a batch: `value` is that of the batch's highest iteration, the rest is of all."""
    # Of equals max takes the first, and the last one counts.
    value = max(reversed(batch), key=lambda point: (point[0].iter, point[0].timestamp))[1]
    item: dict[str, Any] = {**known, "metric": metric, "variant": variant, "value": value}
    labels = [event.label for event, _ in batch if event.label is not None]
    if labels:
        item["x_axis_label"] = labels[-1]
    first = min(batch, key=lambda point: point[0].iter)
    lowest, highest = min(batch, key=lambda point: point[1]), max(batch, key=lambda point: point[1])
    if item.get("first_value") is None:
        item |= {"first_value": first[1], "first_value_iteration": first[0].iter}
    if item.get("min_value") is None or lowest[1] < item["min_value"]:
        item |= {"min_value": lowest[1], "min_value_iteration": lowest[0].iter}
    if item.get("max_value") is None or highest[1] > item["max_value"]:
        item |= {"max_value": highest[1], "max_value_iteration": highest[0].iter}
    before = item.get("count") or 0
    item["count"] = before + len(batch)
    total = (item.get("mean_value") or 0) * before + sum(value for _, value in batch)
    item["mean_value"] = round(total / item["count"], _MEAN_DIGITS)
    return item


def _stats(events: Iterable[Event]) -> Document:
    """The time of the last event of each metric and type in a batch."""
    stats: Document = {}
    for event in events:
        metric = stats.setdefault(hashed(event.metric), {"metric": event.metric, "event_stats_by_type": {}})
        known = metric["event_stats_by_type"].setdefault(event.type, {"last_update": event.timestamp})
        known["last_update"] = max(known["last_update"], event.timestamp)
    return stats
