"""Statistics of workers and their machines, by interval."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any

from clearml_flows.localserver import errors, fields
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.store.reports import Report
from clearml_flows.localserver.wire import Json

_AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {"avg": fmean, "min": min, "max": max}
_MIN_INTERVAL = 40
_MAX_INTERVALS = 65_536
_RANGE = ("from_date", "to_date", "interval")
# {start of the interval: {part of the machine ("0" is the first processor): values}}
Series = dict[int, dict[str, list[float]]]


@endpoint("workers.get_metric_keys")
def get_metric_keys(call: Call) -> Json:
    """Return measurement names by category (first part of the name), most frequent first."""
    workers = fields.texts(call.data, "worker_ids")
    counts: Counter[str] = Counter()
    for report in call.db.reports.between(0, 2**40, workers):
        counts += Counter({name: len(_parts(report, name)) for name in report.stats})
    if not counts:
        raise errors.WorkerStatsNotFound(f"No statistic metrics found for the workers {workers}")
    categories: dict[str, Counter[str]] = defaultdict(Counter)
    for name, count in counts.items():
        categories[name.partition("_")[0]][name] = count
    most = sorted(categories, key=lambda category: (-categories[category].total(), category))
    return {"categories": [{"name": name, "metric_keys": _frequent(categories[name])} for name in most]}


@endpoint("workers.get_stats")
def get_stats(call: Call) -> Json:
    """Return the measurements of each worker per interval of the range.

    Intervals without data have the value 0.
    """
    items = [(fields.text(item, "key"), _aggregation(item)) for item in fields.objects(call.data, "items")]
    dates = _dates(call)
    # Leave out the last interval if more than a tenth of it is outside the range.
    dates = [date for date in dates if date < call.data["to_date"] - 0.9 * _interval(call)]
    reports = list(_reports(call, fields.texts(call.data, "worker_ids")))
    found: dict[str, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for key, aggregation in dict.fromkeys(items):
        for worker, series in _series(call, reports, key).items():
            found[worker][key].append(_stat(call, series, key, aggregation, dates))
    return {
        "workers": [
            {"worker": worker, "metrics": [{"metric": key, "stats": stats} for key, stats in metrics.items()]}
            for worker, metrics in found.items()
        ]
    }


@endpoint("workers.get_activity_report")
def get_activity_report(call: Call) -> Json:
    """Count the workers that reported, and those that ran a Task, per interval.

    The last interval is left out.
    """
    total: dict[int, set[str]] = defaultdict(set)
    active: dict[int, set[str]] = defaultdict(set)
    for report in _reports(call, []):
        total[_start(call, report.second)].add(report.worker)
        if report.task:
            active[_start(call, report.second)].add(report.worker)
    dates = _dates(call)[:-1]
    return {
        name: {"dates": _milliseconds(dates), "counts": [len(found.get(date, ())) for date in dates]}
        for name, found in (("total", total), ("active", active))
    }


def _reports(call: Call, workers: list[str]) -> Iterator[Report]:
    return call.db.reports.between(int(call.data["from_date"]), int(call.data["to_date"]), workers)


def _interval(call: Call) -> int:
    return max(int(call.data["interval"]), _MIN_INTERVAL)


def _start(call: Call, second: float) -> int:
    """Return the start of the interval that contains a time."""
    return int(second) // _interval(call) * _interval(call)


def _dates(call: Call) -> list[int]:
    """Return the start times of all intervals in the range.

    Raises:
        errors.ValidationError: The interval or a date is out of range, or there are too many intervals.
        errors.InvalidFields: The range is empty.
    """
    start, end, interval = (call.data[name] for name in _RANGE)
    if interval < 1 or start < 0:
        raise errors.ValidationError("error for field 'interval'. expected at least 1 and dates of at least 0")
    if start >= end:
        raise errors.InvalidFields("from_date must be less than to_date")
    if (end - start) / _interval(call) > _MAX_INTERVALS:
        raise errors.ValidationError(f"error for field 'interval'. there may be at most {_MAX_INTERVALS} intervals")
    return list(range(_start(call, start), _start(call, end) + 1, _interval(call)))


def _aggregation(item: Json) -> str:
    name = item.get("aggregation") or "avg"
    if not isinstance(name, str) or name not in _AGGREGATIONS:
        raise errors.ValidationError(f"error for field 'aggregation'. expected one of {', '.join(_AGGREGATIONS)}")
    return name


def _series(call: Call, reports: list[Report], key: str) -> dict[str, Series]:
    """Return the values of a measurement by worker, the worker with most values first."""
    found: dict[str, Series] = {}
    counts: Counter[str] = Counter()
    for report in reports:
        parts = _parts(report, key)
        for part, value in parts:
            start = _start(call, report.second)
            found.setdefault(report.worker, {}).setdefault(start, {}).setdefault(part, []).append(value)
        counts[report.worker] += len(parts)
    return {worker: found[worker] for worker in _frequent(counts) if worker in found}


def _parts(report: Report, key: str) -> list[tuple[str, float]]:
    """Return (part, value) for each number of a measurement. A single number is `total`."""
    value = report.stats.get(key)
    parts = (
        [(str(number), part) for number, part in enumerate(value)] if isinstance(value, list) else [("total", value)]
    )
    return [(part, float(value)) for part, value in parts if isinstance(value, (int, float))]


def _stat(call: Call, series: Series, key: str, aggregation: str, dates: list[int]) -> Json:
    """Return the aggregated values at `dates`.

    GPU measurements also have values per GPU if the request sets `split_by_resource`.
    """
    aggregate = _AGGREGATIONS[aggregation]
    together = [
        aggregate([value for part in series[date].values() for value in part]) if date in series else 0.0
        for date in dates
    ]
    names = sorted({part for date in dates for part in series.get(date, {})}, key=lambda part: (len(part), part))
    split = call.data.get("split_by_resource") and key.startswith("gpu_") and len(names) > 1
    apart = [
        {"name": name, "values": [aggregate(series.get(date, {}).get(name) or [0.0]) for date in dates]}
        for name in (names if split else ())
    ]
    return {
        "aggregation": aggregation,
        "dates": _milliseconds(dates),
        "values": together,
        "resource_series": apart,
    }


def _milliseconds(dates: list[int]) -> list[int]:
    return [date * 1000 for date in dates]


def _frequent(counts: Counter[Any]) -> list[Any]:
    return sorted(counts, key=lambda name: (-counts[name], name))
