"""How busy workers and their machines were."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean
from typing import Any

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.store.reports import KEPT_SECONDS, Report
from localserver.wire import Json

_AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {"avg": fmean, "min": min, "max": max}
# What agents call their measurements begins with what they measure.
_CATEGORIES = {"cpu": "CPU", "gpu": "GPU", "memory": "Memory", "disk": "Disk", "network": "Network"}
_MAX_POINTS = 10_000
# (metric, variant) -> start of the interval -> what was measured in it
Series = dict[tuple[str, str], dict[int, list[float]]]


@endpoint("workers.get_metric_keys")
def get_metric_keys(call: Call) -> Json:
    reports = call.db.reports.between(0, 2**40, fields.texts(call.data, "worker_ids"))
    categories: dict[str, set[str]] = defaultdict(set)
    for name in {name for report in reports for name in report.stats}:
        categories[_CATEGORIES.get(name.partition("_")[0], "Other")].add(name)
    return {"categories": [{"name": name, "metric_keys": sorted(keys)} for name, keys in sorted(categories.items())]}


@endpoint("workers.get_stats", required=("from_date", "to_date", "interval", "items"), fields={"items": "objects"})
def get_stats(call: Call) -> Json:
    """Measurements of each worker's machine, put together over intervals, with or without its parts apart."""
    items = [(fields.text(item, "key"), _aggregation(item)) for item in fields.objects(call.data, "items")]
    found: dict[str, Series] = {}
    for report in _reports(call):
        _measure(
            found.setdefault(report.worker, {}), report, _bucket(call, report), bool(call.data.get("split_by_variant"))
        )
    return {
        "workers": [
            {"worker": worker, "metrics": [metric for item in items for metric in _metrics(series, *item)]}
            for worker, series in sorted(found.items())
        ]
    }


@endpoint("workers.get_activity_report", required=("from_date", "to_date", "interval"))
def get_activity_report(call: Call) -> Json:
    """How many workers reported in each interval, and how many of them ran a Task."""
    total: dict[int, set[str]] = defaultdict(set)
    active: dict[int, set[str]] = defaultdict(set)
    for report in _reports(call):
        total[_bucket(call, report)].add(report.worker)
        if report.task:
            active[_bucket(call, report)].add(report.worker)
    dates = sorted(total)
    return {
        name: {"dates": dates, "counts": [len(found.get(date, ())) for date in dates]}
        for name, found in (("total", total), ("active", active))
    }


def _reports(call: Call) -> Iterable[Report]:
    start, end, interval = (call.data[name] for name in ("from_date", "to_date", "interval"))
    if interval < 1 or (min(end - start, KEPT_SECONDS)) / interval > _MAX_POINTS:
        raise errors.ValidationError(f"error for field 'interval'. there may be at most {_MAX_POINTS} intervals")
    return call.db.reports.between(start, end, fields.texts(call.data, "worker_ids"))


def _bucket(call: Call, report: Report) -> int:
    """The start of the interval that a report falls into."""
    start, interval = call.data["from_date"], call.data["interval"]
    return int(start + (report.second - start) // interval * interval)


def _aggregation(item: Json) -> str:
    name = item.get("category") or "avg"
    if not isinstance(name, str) or name not in _AGGREGATIONS:
        raise errors.ValidationError(f"error for field 'category'. value must be one of {', '.join(_AGGREGATIONS)}")
    return name


def _measure(series: Series, report: Report, bucket: int, split: bool) -> None:
    for name, value in report.stats.items():
        for number, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, (int, float)):
                key = name, str(number) if split else ""
                series.setdefault(key, {}).setdefault(bucket, []).append(float(part))


def _metrics(series: Series, name: str, aggregation: str) -> list[dict[str, Any]]:
    found = []
    for (metric, variant), buckets in sorted(series.items()):
        if metric == name:
            dates = sorted(buckets)
            values = [_AGGREGATIONS[aggregation](buckets[date]) for date in dates]
            stats = [{"aggregation": aggregation, "values": values}]
            found.append(
                {"metric": metric, "dates": dates, "stats": stats, **({"variant": variant} if variant else {})}
            )
    return found
