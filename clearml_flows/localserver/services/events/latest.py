"""Event summaries in the documents of Tasks and models, updated with each batch."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from clearml_flows.localserver import lifecycle
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import changes
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.events import SCALAR, Event

MAX_SCALARS = 2000
# The SDK reports these with seconds as iterations, so they do not count for `last_iteration`.
_MONITORS = frozenset({":monitor:machine", ":monitor:gpu"})
_MEAN_DIGITS = 2


def note(call: Call, document: Document, events: Sequence[Event]) -> None:
    """Add a batch to `last_metrics`, `unique_metrics` and `last_iteration` of a document.

    Tasks also get `metric_stats`.
    """
    document.update(changes(call))
    iterations = [event.iter for event in events if "iter" in event.document and event.metric not in _MONITORS]
    document["last_iteration"] = max([document.get("last_iteration") or 0, *iterations])
    _note_scalars(document, events)
    if "status" not in document:
        return
    document["metric_stats"] = _stats(events)
    document.update(lifecycle.active(document, document["last_update"]))


def hashed(name: str) -> str:
    """Return the MD5 key of a metric or variant name. The SDK sorts and filters by these keys."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _note_scalars(document: Document, events: Iterable[Event]) -> None:
    metrics = document.setdefault("last_metrics", {})
    names = dict.fromkeys(document.get("unique_metrics") or [])
    batches: dict[tuple[str, str], list[tuple[Event, float]]] = {}
    for event in events:
        if event.type == SCALAR and event.value is not None:
            batches.setdefault((event.metric, event.variant), []).append((event, event.value))
    # Sorted by key, because ClearML Server's database adds fields in this order.
    for (metric, variant), batch in sorted(batches.items(), key=lambda item: tuple(map(hashed, item[0]))):
        name = f"{metric}/{variant}"
        if name not in names and len(names) >= MAX_SCALARS:
            continue
        names[name] = None
        variants = metrics.setdefault(hashed(metric), {})
        variants[hashed(variant)] = _summary(variants.get(hashed(variant)) or {}, metric, variant, batch)
    document["unique_metrics"] = list(names)


def _summary(known: Document, metric: str, variant: str, batch: list[tuple[Event, float]]) -> Document:
    """Return the `last_metrics` item of one scalar after a batch.

    `value` comes from the highest iteration of the batch. All other values cover all batches.
    """
    # max() returns the first of equal items. Here the last reported point must win.
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
    """Return the time of the last event of each metric and event type in a batch."""
    stats: Document = {}
    for event in events:
        metric = stats.setdefault(hashed(event.metric), {"metric": event.metric, "event_stats_by_type": {}})
        known = metric["event_stats_by_type"].setdefault(event.type, {"last_update": event.timestamp})
        known["last_update"] = max(known["last_update"], event.timestamp)
    return stats
