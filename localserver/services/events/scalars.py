"""Scalars as curves, single values and lists of metrics."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.services.common import task
from localserver.services.events.reading import MAX_BATCH, event_type, scrolled, unscrolled
from localserver.store.events import SCALAR, SINGLE_VALUE_ITERATION, VECTOR, Which
from localserver.wire import Json

# (task, metric, variant, iteration, timestamp, value)
Row = tuple[str, str, str, int, int, float]
_X: dict[str, Callable[[Row], Any]] = {
    "iter": lambda row: row[3],
    "timestamp": lambda row: row[4],
    "iso_time": lambda row: datetime.fromtimestamp(row[4] / 1000, UTC).isoformat(timespec="milliseconds"),
}


@endpoint("events.scalar_metrics_iter_histogram", required=("task",), fields={"key": "str"})
def scalar_metrics_iter_histogram(call: Call) -> Json:
    """{metric: {variant: {name, x, y}}}, thinned out to `samples` points a curve."""
    answer: Json = {}
    which = Which([call.data["task"]], SCALAR, metric_variants(call.data.get("metrics") or []))
    for (_, metric, variant), rows in _curves(call, which):
        answer.setdefault(metric, {})[variant] = {"name": variant, **_points(call, rows)}
    return answer


@endpoint("events.multi_task_scalar_metrics_iter_histogram", required=("tasks",), fields={"key": "str"})
def multi_task_scalar_metrics_iter_histogram(call: Call) -> Json:
    """{metric: {variant: {task: {name, x, y}}}}, where `name` is the Task's."""
    answer: Json = {}
    ids = fields.texts(call.data, "tasks")
    names = {id: task(call, id)["name"] for id in ids}
    for (id, metric, variant), rows in _curves(call, Which(ids, SCALAR)):
        curves = answer.setdefault(metric, {}).setdefault(variant, {})
        curves[id] = {"name": names[id], **_points(call, rows)}
    return answer


@endpoint("events.scalar_metrics_iter_raw", required=("task", "metric"), fields={"metric": "dict", "key": "str"})
def scalar_metrics_iter_raw(call: Call) -> Json:
    """Every point of one metric: {variant: {iter | timestamp | iso_time: [...], y: [...]}}, `batch_size` at a time."""
    axis = _axis(call)
    rows = [row for _, rows in _curves(call, _which_metric(call)) for row in rows]
    size = int(call.data.get("batch_size") or MAX_BATCH)
    place = unscrolled(call) or [0, 0]
    batch = rows[place[0] : place[0] + max(1, size)]
    variants: Json = {}
    for row in batch:
        curve = variants.setdefault(row[2], {axis: [], "y": []})
        curve[axis].append(_X[axis](row))
        curve["y"].append(row[5])
    total = len(rows) if call.data.get("count_total") else None
    place = [place[0] + len(batch), 0]
    return {"variants": variants, "returned": len(batch), "total": total, "scroll_id": scrolled(place)}


@endpoint("events.get_task_single_value_metrics", required=("tasks",))
def get_task_single_value_metrics(call: Call) -> Json:
    rows = call.db.events.values(Which(fields.texts(call.data, "tasks"), SCALAR))
    single = [row for row in rows if row[3] == SINGLE_VALUE_ITERATION]
    return {
        "tasks": [
            {
                "task": id,
                "task_name": _name(call, id),
                "values": [{"metric": row[1], "variant": row[2], "value": row[5], "timestamp": row[4]} for row in of],
            }
            for id, of in groupby(single, key=lambda row: row[0])
        ]
    }


@endpoint("events.get_task_latest_scalar_values", required=("task",))
def get_task_latest_scalar_values(call: Call) -> Json:
    metrics: dict[str, list[Json]] = {}
    for (_, metric, variant), rows in _curves(call, Which([task(call)["id"]], SCALAR)):
        recent = [row[5] for row in rows[-100:]]
        item = {"name": variant, "last_value": rows[-1][5], "last_100_value": sum(recent) / len(recent)}
        metrics.setdefault(metric, []).append(item)
    return {"metrics": [{"name": metric, "variants": variants} for metric, variants in metrics.items()]}


@endpoint("events.get_task_metrics", required=("tasks",))
def get_task_metrics(call: Call) -> Json:
    """The names of the metrics of each Task."""
    ids = fields.texts(call.data, "tasks")
    found = call.db.events.variants(Which(ids, event_type(call, SCALAR)))
    return {
        "metrics": [
            {"task": id, "metrics": sorted({metric for owner, metric, _ in found if owner == id})} for id in ids
        ]
    }


@endpoint("events.get_scalar_metrics_and_variants", required=("task",))
def get_scalar_metrics_and_variants(call: Call) -> Json:
    metrics: dict[str, list[str]] = {}
    for _, metric, variant in call.db.events.variants(Which([call.data["task"]], SCALAR)):
        metrics.setdefault(metric, []).append(variant)
    return {"metrics": metrics}


@endpoint("events.get_vector_metrics_and_variants", required=("task",))
def get_vector_metrics_and_variants(call: Call) -> Json:
    metrics: dict[str, list[str]] = {}
    for _, metric, variant in call.db.events.variants(Which([call.data["task"]], VECTOR)):
        metrics.setdefault(metric, []).append(variant)
    return {"metrics": [{"metric": metric, "variants": variants} for metric, variants in metrics.items()]}


@endpoint("events.vector_metrics_iter_histogram", required=("task", "metric", "variant"))
def vector_metrics_iter_histogram(call: Call) -> Json:
    which = Which([call.data["task"]], VECTOR, {call.data["metric"]: [call.data["variant"]]})
    return {"images": call.db.events.page(which, MAX_BATCH)[0]}


def metric_variants(items: Sequence[Any]) -> dict[str, list[str]]:
    """The `[{metric, variants}]` of a request as {metric: variants}, where no variants stand for all of them."""
    found: dict[str, list[str]] = {}
    for item in items:
        if not isinstance(item, dict):
            raise errors.InvalidFields("expecting a list of objects", field="metrics")
        if item.get("metric") is not None:
            found[fields.text(item, "metric")] = fields.texts(item, "variants")
    return found


def _which_metric(call: Call) -> Which:
    metric = call.data["metric"]
    return Which([call.data["task"]], SCALAR, {fields.text(metric, "metric"): fields.texts(metric, "variants")})


def _curves(call: Call, which: Which) -> list[tuple[tuple[str, str, str], list[Row]]]:
    rows = [row for row in call.db.events.values(which) if row[3] != SINGLE_VALUE_ITERATION]
    return [(key, list(group)) for key, group in groupby(rows, key=lambda row: row[:3])]


def _axis(call: Call) -> str:
    axis = call.data.get("key") or "iter"
    if axis not in _X:
        raise errors.ValidationError(f"error for field 'key'. value must be one of {', '.join(_X)}")
    return str(axis)


def _points(call: Call, rows: list[Row]) -> Json:
    axis = _axis(call)
    samples = call.data.get("samples")
    if axis != "iter":
        rows = sorted(rows, key=lambda row: row[4])
    if not samples or samples < 1 or len(rows) <= samples:
        return {"x": [_X[axis](row) for row in rows], "y": [row[5] for row in rows]}
    bins = [rows[len(rows) * at // int(samples) : len(rows) * (at + 1) // int(samples)] for at in range(int(samples))]
    return {"x": [_X[axis](bin[0]) for bin in bins], "y": [sum(row[5] for row in bin) / len(bin) for bin in bins]}


def _name(call: Call, id: str) -> str:
    document = call.db.tasks.get(id) or call.db.models.get(id)
    return document["name"] if document else id
