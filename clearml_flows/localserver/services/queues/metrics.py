"""Queue lengths and waiting times by interval."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from clearml_flows.localserver import errors
from clearml_flows.localserver.fields import texts
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.queues.read import hide
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.store.samples import Sample
from clearml_flows.localserver.wire import Json

# ClearML Server samples a queue at least this often, and also reads this much before the requested range.
_STEP_MS = 300_000
_BEFORE_SECONDS = 3600
_REQUIRED = ("from_date", "to_date", "interval")
# {start of the interval: {queue: sample with the longest wait}}
Intervals = dict[int, dict[str, Sample]]


@endpoint("queues.get_queue_metrics")
def get_queue_metrics(call: Call) -> Json:
    """Return the longest average wait, and the queue length at that time, for each interval.

    Without `queue_ids`, all queues are combined. Intervals without a sample are left out.
    """
    ids = texts(call.data, "queue_ids")
    selection = Selection().among("id", ids) if ids else Selection()
    hide(call, selection)
    queues = [document["id"] for document in call.db.queues.all(selection)]
    start, end, interval = (call.data[name] for name in _REQUIRED)
    if not queues:
        return {"queues": []}
    if start >= end:
        raise errors.InvalidFields("from_date must be less than to_date")
    intervals = _by_interval(_samples(call, queues), interval * 1000)
    first = (start - interval) * 1000
    if not ids:
        return {"queues": [_series("total", _together(intervals, first))]}
    return {
        "queues": [
            _series(queue, points)
            for queue in queues
            if (
                points := [
                    (at, found[queue]) for at, found in sorted(intervals.items()) if queue in found and at >= first
                ]
            )
        ]
    }


def _samples(call: Call, queues: list[str]) -> Iterator[Sample]:
    """Yield the samples in the request's range, including computed regular samples."""
    now = int(time.time() * 1000)
    start, end = (int(call.data["from_date"]) - _BEFORE_SECONDS) * 1000, int(call.data["to_date"]) * 1000
    kept: dict[str, list[Sample]] = defaultdict(list)
    for sample in call.db.samples.until(end, queues):
        kept[sample.queue].append(sample)
    for samples in kept.values():
        for sample, after in zip(samples, [*(later.at for later in samples[1:]), min(end, now) + 1], strict=True):
            yield from _until(sample, start, after)
    if call.data.get("refresh") and start <= now <= end:
        yield from (call.db.samples.now(queue, now) for queue in queues)


def _until(sample: Sample, start: int, after: int) -> Iterator[Sample]:
    """Yield a sample and the regular samples that follow until the next change.

    Until a change, each regular sample only adds the elapsed time to the wait.
    """
    skipped = max(0, -(-(start - sample.at) // _STEP_MS)) * _STEP_MS
    for at in range(sample.at + skipped, max(after, sample.at + 1), _STEP_MS):
        longer = (at - sample.at) / 1000 if sample.length else 0.0
        yield sample._replace(at=at, waiting=sample.waiting + longer)


def _by_interval(samples: Iterable[Sample], width: int) -> Intervals:
    intervals: Intervals = defaultdict(dict)
    for sample in samples:
        found = intervals[sample.at // width * width]
        found[sample.queue] = max(sample, found.get(sample.queue, sample), key=lambda one: (one.waiting, one.length))
    return intervals


def _together(intervals: Intervals, first: float) -> list[tuple[int, Sample]]:
    """Combine all queues: lengths are added, waits are averaged by length.

    A queue without a sample in an interval keeps its previous sample.
    """
    latest: dict[str, Sample] = {}
    points = []
    for at, found in sorted(intervals.items()):
        latest |= found
        length = sum(sample.length for sample in latest.values())
        waited = sum(sample.waiting * sample.length for sample in latest.values())
        if at >= first:
            points.append((at, Sample("total", at, waited / length if length else 0.0, length)))
    return points


def _series(queue: str, points: list[tuple[int, Sample]]) -> Json:
    return {
        "queue": queue,
        "dates": [at for at, _ in points],
        "avg_waiting_times": [sample.waiting for _, sample in points],
        "queue_lengths": [sample.length for _, sample in points],
    }
