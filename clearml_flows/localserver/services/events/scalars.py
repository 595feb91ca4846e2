"""Scalars as curves, raw points and single values."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events.options import MAX_PAGE, integer, metric_variants
from clearml_flows.localserver.services.events.owners import listed_owners, owner
from clearml_flows.localserver.services.events.sampling import intervals
from clearml_flows.localserver.services.events.scrolls import scroll_id, scroll_state
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.events import SCALAR, Axis, Position, Which
from clearml_flows.localserver.wire import Json

_MAX_RAW_POINTS = 200_000
_SAMPLES = 2000
_AXES: dict[str, Axis] = {"iter": "iter", "timestamp": "timestamp", "iso_time": "timestamp"}

Metrics = dict[str, list[str]]


@endpoint("events.scalar_metrics_iter_histogram")
def scalar_metrics_iter_histogram(call: Call) -> Json:
    """Return {metric: {variant: {name, x, y}}} with at most `samples` points per curve."""
    return curves(call, owner(call), metric_variants(call.data.get("metrics")))


@endpoint("events.multi_task_scalar_metrics_iter_histogram")
def multi_task_scalar_metrics_iter_histogram(call: Call) -> Json:
    metrics = metric_variants(call.data.get("metrics"))
    return {"metrics": compared_curves(call, listed_owners(call), metrics)}


def compared_curves(call: Call, documents: Sequence[Document], metrics: Metrics) -> Json:
    """Return {metric: {variant: {task: {name, x, y}}}} with the name of the Task or model."""
    compared: Json = {}
    for document in documents:
        for metric, variants in curves(call, document, metrics).items():
            for variant, curve in variants.items():
                by_owner = compared.setdefault(metric, {}).setdefault(variant, {})
                by_owner[document["id"]] = {**curve, "name": document["name"]}
    return compared


def curves(call: Call, document: Document, metrics: Metrics) -> Json:
    """Return {metric: {variant: {name, x, y}}} of one Task or model.

    The request's `key` selects the x axis, and `samples` limits the points per curve.
    """
    samples = call.data.get("samples") or _SAMPLES
    key, axis = _axis(call)
    shown: Callable[[int], Any] = _iso_time if key == "iso_time" else int
    ranges = call.db.events.ranges(Which([document["id"]], SCALAR, metrics), axis)
    widths = intervals(ranges, samples)
    labels = _labels(document)
    found: Json = {}
    for metric, variant, *_ in ranges:
        points = call.db.events.averages(document["id"], metric, variant, axis, widths[metric, variant])
        curve = {"name": variant, "x": [shown(at) for at, _ in points], "y": [value for _, value in points]}
        label = labels.get((metric, variant))
        found.setdefault(metric, {})[variant] = curve if label is None else {**curve, "x_axis_label": label}
    return found


@endpoint("events.scalar_metrics_iter_raw")
def scalar_metrics_iter_raw(call: Call) -> Json:
    """Return every point of one metric as {variant: {key: [...], y: [...]}}.

    Single values are included. A scroll keeps its page size and total.
    """
    metrics = metric_variants([call.data["metric"]])
    key, axis = _axis(call)
    state = scroll_state(call, "raw") or {"kind": "raw", "after": None, "total": None, "size": MAX_PAGE}
    state["size"] = integer(call, "batch_size", 0, 0) or state["size"]
    which = Which([owner(call)["id"]], SCALAR, metrics)
    if state["total"] is None and call.data.get("count_total"):
        state["total"] = call.db.events.count(which)
    after = Position(*state["after"]) if state["after"] else None
    points, last = call.db.events.points(which, axis, min(state["size"], _MAX_RAW_POINTS), after)
    variants: Json = {}
    for variant, at, value in points:
        curve = variants.setdefault(variant, {"y": [], key: []})
        curve["y"].append(value)
        curve[key].append(at)
    next_scroll = scroll_id(call, {**state, "after": last})
    return {"variants": variants, "returned": len(points), "total": state["total"], "scroll_id": next_scroll}


@endpoint("events.get_task_single_value_metrics")
def get_task_single_value_metrics(call: Call) -> Json:
    return {"tasks": single_values(call, listed_owners(call), metric_variants(call.data.get("metrics")))}


def single_values(call: Call, documents: Sequence[Document], metrics: Metrics) -> list[Json]:
    """Return [{task, task_name, values}] for each Task or model that has single values."""
    names = {document["id"]: document["name"] for document in documents}
    rows = call.db.events.single_values(Which(list(names), SCALAR, metrics))
    return [
        {
            "task": id,
            "task_name": names[id],
            "values": [
                {"metric": row.metric, "variant": row.variant, "value": row.value, "timestamp": row.timestamp}
                for row in of_task
            ],
        }
        for id, of_task in groupby(rows, key=lambda row: row.task)
    ]


def _labels(document: Document) -> dict[tuple[str, str], str | None]:
    """Return the x axis labels that clients reported, by (metric, variant)."""
    return {
        (item["metric"], item["variant"]): item.get("x_axis_label")
        for variants in (document.get("last_metrics") or {}).values()
        for item in variants.values()
    }


def _axis(call: Call) -> tuple[str, Axis]:
    """Return the request's `key` and the event column for this key."""
    key = call.data.get("key") or "iter"
    return key, _AXES[key]


def _iso_time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
