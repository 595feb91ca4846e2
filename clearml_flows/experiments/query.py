"""Filters for experiments. The backend filters, sorts and pages.

An experiment is a Task that is no pipeline, step or dataset and is not archived. A metric's name is the name of a
single value, or of a scalar with equal title and series, or `title/series`. ClearML stores single values as the scalar
`Summary`. It stores the last value of each scalar in the Task under the md5 of title and series. It sorts by these
values, and Tasks without one come last.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput
from clearml_flows.run import snapshot
from clearml_flows.spelling import did_you_mean
from clearml_flows.tabular.judging.metric_names import lower_is_better

STATUSES = ("created", "queued", "in_progress", "stopped", "failed", "completed", "published")
NO_EXPERIMENTS = ["-archived", "-hidden", "-pipeline", "-dataset"]
PAGE = 500
SINGLE_VALUES = "Summary"
_EVER = ("1970-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Query:
    """Filters for experiments.

    `project` includes its subprojects. The first of `metrics` sets the order. `since` and `until` are ISO 8601 dates or
    times, local if they have no zone. A date in `until` includes that day. `run` is a run's id or its beginning.
    `lowest` sorts the lowest value first; None decides by the metric's name. `top` None means all. A missing project is
    an error if `named` is true, else there are no experiments.
    """

    project: str
    tags: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    flow: str = ""
    run: str = ""
    metrics: tuple[str, ...] = ()
    lowest: bool | None = None
    top: int | None = 20
    named: bool = True

    @property
    def ascending(self) -> bool:
        if self.lowest is None:
            return bool(self.metrics) and lower_is_better(self.metrics[0])
        return self.lowest


def metric_path(title: str, series: str) -> str:
    """Return the field of a Task with the last value of a scalar."""
    keys = [hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in (title, series)]
    return f"last_metrics.{keys[0]}.{keys[1]}"


def metric_paths(name: str) -> list[str]:
    """Return the `metric_path`s of all scalars that a name can mean."""
    places = [(SINGLE_VALUES, name), (name, name)]
    places += [(name[:at], name[at + 1 :]) for at, character in enumerate(name) if character == "/"]
    return [metric_path(*place) for place in places]


def metric_value(task: dict[str, Any], path: str) -> float | None:
    """Return the value at a `metric_path` in a Task, or None."""
    _, title, series = path.split(".")
    item = task.get("last_metrics", {}).get(title, {}).get(series) or {}
    value = item.get("value")
    return None if value is None else float(value)


def select(api: Api, query: Query, fields: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the Tasks in order with these fields, and the `metric_path` of each metric.

    Raises:
        BadInput: a project, tag, flow, run or metric does not exist. The message suggests a name.
    """
    body = _body(api, query)
    if not body["project"]:
        return [], [metric_path(SINGLE_VALUES, name) for name in query.metrics]
    paths = [_known_path(api, body, name) for name in query.metrics]
    if paths:
        body["order_by"] = [f"{'' if query.ascending else '-'}{paths[0]}.value", "-created"]
    wanted = ["id", "name", *fields, *(f"{path}.value" for path in paths)]
    tasks = list(pages(api, "tasks", {**body, "only_fields": wanted}, query.top))
    if paths:
        tasks = [task for task in tasks if metric_value(task, paths[0]) is not None]
    if not tasks:
        _explain(api, query, body)
    return tasks, paths


def first_instant(text: str, day_after: bool = False) -> str:
    """Return the UTC instant of a typed date or time, local if it has no zone.

    Raises BadInput for other text.
    """
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text) + timedelta(days=int(day_after))
            instant = datetime.combine(day, time())
        else:
            instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no date: give one like 2026-11-23 or 2026-11-23T14:30") from None


def _body(api: Api, query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {
        "project": _projects(api, query.project, query.named),
        "system_tags": NO_EXPERIMENTS,
        "order_by": ["-created"],
    }
    if query.tags:
        body["tags"] = ["__$all", *query.tags]
    if query.status:
        body["status"] = list(query.status)
    if query.since or query.until:
        since = first_instant(query.since) if query.since else _EVER[0]
        body["created"] = [since, first_instant(query.until, day_after=True) if query.until else _EVER[1]]
    if query.flow:
        body["hyperparams.General.flow.value"] = [query.flow]
    if query.run:
        run = find_by_id(api, "tasks", query.run, "run", [], system_tags=["pipeline"])
        body["parent"] = [run["id"], *(step.task_id for step in snapshot.read(api, run["id"]).steps if step.task_id)]
    return body


def _projects(api: Api, name: str, named: bool) -> list[str]:
    """Return the ids of the project (first) and its visible subprojects."""
    query = {"name": rf"^{re.escape(name)}(/[^./][^/]*)*$", "only_fields": ["id"], "order_by": ["name"]}
    ids = [project["id"] for project in pages(api, "projects", query, None)]
    if named and not ids:
        newest = {"only_fields": ["name"], "order_by": ["-last_update"]}
        names = [project["name"] for project in pages(api, "projects", newest, PAGE)]
        raise BadInput(f"there is no project {name!r}{did_you_mean(name, names)}")
    return ids


def _known_path(api: Api, body: dict[str, Any], name: str) -> str:
    """Return the metric's path that the selected experiments use.

    Raises BadInput if no experiment in the project has the metric.
    """
    for path in metric_paths(name):
        highest = {**body, "order_by": [f"-{path}.value"], "only_fields": [f"{path}.value"]}
        if any(metric_value(task, path) is not None for task in pages(api, "tasks", highest, 1)):
            return path
    scope = {"project": body["project"][0], "include_subprojects": True}
    found = api.call("projects.get_unique_metric_variants", **scope)["metrics"]
    known = {metric_name(item["metric"], item["variant"]) for item in found}
    if name not in known:
        raise BadInput(f"no experiment has a metric {name!r}{did_you_mean(name, known)}")
    return metric_paths(name)[0]


def metric_name(title: str, series: str) -> str:
    """Return the name that users type for a scalar."""
    return series if title in (SINGLE_VALUES, series) else f"{title}/{series}"


def pages(api: Api, entity: str, body: dict[str, Any], top: int | None) -> Iterator[dict[str, Any]]:
    """Yield at most `top` results of `get_all_ex`, read page by page."""
    size = min(top or PAGE, PAGE)
    for page in count():
        found = api.call(f"{entity}.get_all_ex", **body, page=page, page_size=size)[entity]
        yield from found if top is None else found[: max(0, top - page * size)]
        if len(found) < size or (top is not None and (page + 1) * size >= top):
            return


def _explain(api: Api, query: Query, body: dict[str, Any]) -> None:
    """Raise BadInput if nothing was found because a tag or a flow does not exist."""
    if query.tags:
        known = api.call("projects.get_task_tags", projects=body["project"])["tags"]
        for tag in query.tags:
            if tag not in known:
                raise BadInput(f"no experiment in {query.project} has the tag {tag!r}{did_you_mean(tag, known)}")
    if query.flow and not _any_of_flow(api, query):
        pipelines = {"name": r"/\.pipelines/[^/]+$", "only_fields": ["name"], "search_hidden": True}
        flows = [project["name"].rpartition("/")[2] for project in pages(api, "projects", pipelines, PAGE)]
        raise BadInput(f"no experiment in {query.project} is of a flow {query.flow!r}{did_you_mean(query.flow, flows)}")


def _any_of_flow(api: Api, query: Query) -> bool:
    body = _body(api, Query(query.project, flow=query.flow))
    return bool(list(pages(api, "tasks", {**body, "only_fields": ["id"]}, 1)))
