"""Run time of Tasks per day, and the resources they used."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import now
from clearml_flows.localserver.services.projection import referred
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json

_DAY = 86_400
_BREAKDOWNS = {"project": "projects", "queue": "queues", "user": "users"}
_MEASURES = ("duration", "gpu_usage")
_RESOURCES = ("cpu_usage", "gpu_usage")
# A queue whose workers report no resources counts as one CPU and one GPU.
_DEFAULT_RESOURCE = 1.0
# Id and name under which all deleted queues are combined.
_OTHER, _OTHER_NAME = "_other_", "other"
_NOT_COUNTED_TAGS = ("dataset", "reports", "hidden")
_NOT_COUNTED_TYPES = ("dataset_import", "annotation", "annotation_manual", "report", "controller")


@dataclass(frozen=True, slots=True)
class _Window:
    """Whole days from `start`, midnight in the request's time zone, to `end`."""

    start: datetime
    end: datetime

    def days(self) -> list[datetime]:
        return [self.start + timedelta(days=day) for day in range((self.end.date() - self.start.date()).days + 1)]

    def seconds(self, started: str, stopped: str) -> dict[int, int]:
        """Return the seconds of each day between two instants, by day number."""
        first = self._second(max(datetime.fromisoformat(started), self.start))
        last = self._second(min(datetime.fromisoformat(stopped), self.end))
        days = range(first // _DAY, last // _DAY + 1)
        return {day: min(last - day * _DAY, _DAY) - max(first - day * _DAY, 0) for day in days}

    def _second(self, instant: datetime) -> int:
        return math.floor((instant - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class _Run:
    """The contribution of one Task.

    Attributes:
        ids: {breakdown: id of the project, queue or user}
        weights: {measure: factor}
        artificial: Measures whose weight is the default.
        seconds: {day number: seconds}
    """

    ids: Mapping[str, str | None]
    weights: Mapping[str, float]
    artificial: frozenset[str]
    seconds: Mapping[int, int]


@dataclass(slots=True)
class _Usage:
    """The sum of all runs of a project, queue or user, by measure and day."""

    measures: Mapping[str, list[float]]
    artificial: set[str] = field(default_factory=set)

    def add(self, run: _Run) -> None:
        self.artificial |= run.artificial.intersection(self.measures)
        for measure, values in self.measures.items():
            for day, seconds in run.seconds.items():
                values[day] += seconds * run.weights[measure]


@endpoint("organization.get_project_usages")
def get_project_usages(call: Call) -> Json:
    """Return the usage per day by project, queue and user.

    A project includes its subprojects. If the request names one project, each direct subproject counts separately.
    """
    window = _window(call.data)
    asked = call.data.get("breakdown_keys") or _BREAKDOWNS
    measures = tuple(dict.fromkeys(call.data.get("usage_fields") or _MEASURES))
    days = window.days()
    found: dict[str, dict[str | None, _Usage]] = {name: {} for name in asked}
    for run in _runs(call, window):
        for name, usages in found.items():
            if run.ids[name] not in usages:
                usages[run.ids[name]] = _Usage({measure: [0] * len(days) for measure in measures})
            usages[run.ids[name]].add(run)
    dates = [day.timestamp() for day in days]
    return {
        _BREAKDOWNS[name]: _breakdown(usages, _names(call, _BREAKDOWNS[name], usages), dates)
        for name, usages in found.items()
    }


def _window(data: Json) -> _Window:
    first, last = (_date(data, name) for name in ("from_date", "to_date"))
    if (first.tzinfo is None) != (last.tzinfo is None):
        raise errors.ValidationError("expected a time zone in both from_date and to_date, or in neither")
    if first > last:
        raise errors.ValidationError("from_date cannot be later than to_date")
    zone = first.tzinfo or UTC
    return _Window(datetime.combine(first, time.min, zone), datetime.combine(last, time.max, zone))


def _date(data: Json, name: str) -> datetime:
    """Return the date in a field. Like on ClearML Server, a final Z means no time zone."""
    try:
        return datetime.fromisoformat(data[name].removesuffix("Z").removesuffix("z"))
    except ValueError as error:
        raise errors.ValidationError(
            f"error for field '{name}'. expected an ISO 8601 date, got {data[name][:100]!r}"
        ) from error


def _runs(call: Call, window: _Window) -> Iterator[_Run]:
    holders = _holders(call)
    queues = {queue["id"]: queue for queue in call.db.queues.all(Selection())}
    names = ("project", "user", "execution.queue", "status", "started", "completed", "status_changed")
    for row in call.db.tasks.rows(names, _counted(call, holders, window)):
        project, user, queue, status, started, completed, changed = row
        seconds = window.seconds(started, now() if status == "in_progress" else completed or changed)
        if not seconds:
            continue
        resources = (queues.get(queue) or {}).get("resources") or {}
        known = {name: resources[name] for name in _RESOURCES if resources.get(name) is not None}
        yield _Run(
            {"project": holders[project], "user": user, "queue": queue if queue in (None, *queues) else _OTHER},
            {"duration": 1, **dict.fromkeys(_RESOURCES, _DEFAULT_RESOURCE), **known},
            frozenset(_RESOURCES) - known.keys(),
            seconds,
        )


def _holders(call: Call) -> dict[str, str]:
    """Return {project id: id of the listed project that its Tasks count for}."""
    asked: Sequence[str] = call.data["projects"]
    holders = {id: id for id in asked}
    if len(asked) == 1:
        asked = call.db.projects.distinct("id", Selection().equal("parent", asked[0]))
        holders |= {id: id for id in asked}
    below = list(call.db.projects.all(Selection().inside(asked)))
    # If listed projects are nested, a subproject counts for the last of them.
    return holders | {project["id"]: id for id in asked for project in below if id in project["path"]}


def _counted(call: Call, projects: Iterable[str], window: _Window) -> Selection:
    """Select the Tasks that count.

    Without `include_development`, only Tasks from a queue count.
    """
    with_development = call.data.get("include_development")
    tags = [*_NOT_COUNTED_TAGS] if with_development else [*_NOT_COUNTED_TAGS, "development"]
    excluded: dict[str, Sequence[str | None]] = {"system_tags": tags, "type": _NOT_COUNTED_TYPES}
    if not with_development:
        excluded["execution.queue"] = [None, ""]
    filters = {name: {"all": {"exclude": [*values]}} for name, values in excluded.items()}
    selection = select(call.db.tasks.entity, {"filters": filters}).among("project", projects)
    return selection.ran(
        *(end.astimezone(UTC).isoformat(timespec="microseconds") for end in (window.start, window.end))
    )


def _names(call: Call, table: str, ids: Iterable[str | None]) -> dict[str | None, str]:
    found = referred(call, table, {id for id in ids if id is not None})
    return {
        _OTHER: _OTHER_NAME,
        **{document["id"]: document.get("display_name") or document["name"] for document in found},
    }


def _breakdown(usages: Mapping[str | None, _Usage], names: Mapping[str | None, str], dates: Sequence[float]) -> Json:
    """Return the answer for one breakdown, sorted by name. Unknown ids are their own name."""
    answer: dict[str, list[Json]] = {"total": [], "series": []}
    for id, usage in sorted(usages.items(), key=lambda item: str(names.get(item[0], item[0]))):
        named = {"name": names.get(id, id), "id": id}
        artificial = {f"{name.removesuffix('_usage')}_artificial_weights": True for name in sorted(usage.artificial)}
        answer["series"].append({**named, "dates": dates, **usage.measures, **artificial})
        sums = {measure: sum(values) for measure, values in usage.measures.items()}
        answer["total"].append({**named, **sums, **artificial})
    return answer
