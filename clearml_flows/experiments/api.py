"""Experiments: list, show, compare and rank. See `experiments/query.py` for filters."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.catalog import flow_names
from clearml_flows.errors import BadInput
from clearml_flows.experiments.comparison import compared, ranked, side_by_side_frame
from clearml_flows.experiments.query import (
    NO_EXPERIMENTS,
    PAGE,
    SINGLE_VALUES,
    Query,
    metric_name,
    metric_path,
    metric_value,
    select,
)
from clearml_flows.push.notes import NOTES
from clearml_flows.settings import Settings, load

if TYPE_CHECKING:
    import pandas as pd

ROW_FIELDS = ["status", "tags", "project.name", "created"]
FIELDS = [*ROW_FIELDS, "type", "started", "completed", "parent", "hyperparams", "last_metrics", "script"]
DATASET_KEYS = {"id": "dataset_id", "sha256": "dataset_sha256"}
ANCESTORS = 4


def list_experiments(**filters: Any) -> list[dict[str, Any]]:
    """Return the newest experiments, or those with the best values of a metric.

    Args:
        filters: those of `experiments.query.Query`. The default `project` is that of the settings.

    Returns:
        `{id, name, project, status, tags, created, metrics}` for each. The metrics are those in the filters, else those
        that the flows use to choose a model.

    Raises:
        BadInput: a project, tag, flow, run or metric does not exist, or a date is invalid.
        Unreachable: no backend answers.
    """
    settings = load()
    query = make_query(settings, **filters)
    usual = {name: metric_path(SINGLE_VALUES, name) for name in usual_metrics(settings)}
    fields = [*ROW_FIELDS, *(f"{path}.value" for path in usual.values())]
    tasks, paths = select(connect(settings).api, query, fields)
    shown = dict(zip(query.metrics, paths, strict=True)) or usual
    rows = []
    for task in tasks:
        values = {name: metric_value(task, path) for name, path in shown.items()}
        rows.append({**_row(task), "metrics": {name: value for name, value in values.items() if value is not None}})
    return rows


def show_experiment(typed: str) -> dict[str, Any]:
    """Return all facts of one experiment, by its id or the beginning of it.

    Returns:
        `{id, name, project, status, tags, created, started, completed, parameters, metrics, dataset: {id, sha256},
        code: {commit, repository, branch, entry_point, changes}, web_url}`. `parameters` are named `Section/name`.
        `code.changes` is the sha256 of uncommitted changes.

    Raises:
        BadInput: there is no such experiment, or more than one.
    """
    backend = connect(load())
    return next(described(backend, [find_experiment(backend.api, typed)]))


def find_experiment(api: Api, typed: str) -> dict[str, Any]:
    """Return the Task of one experiment with `FIELDS`.

    Raises BadInput if there is no such experiment, or more than one.
    """
    return find_by_id(api, "tasks", typed, "experiment", FIELDS, system_tags=NO_EXPERIMENTS)


def compare_experiments(ids: Sequence[str] = (), **filters: Any) -> "pd.DataFrame":
    """Return experiments side by side as a DataFrame.

    Args:
        ids: ids of experiments, or their beginnings. Without ids, `filters` select the experiments.
        filters: those of `experiments.query.Query`.

    Returns:
        Indexed by `part` (experiment, parameter, metric, dataset, code) and `name`. It has a column for each
        experiment, named by its id. `differs` is true if values differ. `delta <id>` is the difference of a metric to
        the first experiment.

    Raises:
        BadInput: fewer than two experiments match, an experiment is given twice, or a filter matches nothing.
    """
    found = experiments(ids, **filters)
    return side_by_side_frame([one["id"] for one in found], compared(found))


def leaderboard(**filters: Any) -> dict[str, Any]:
    """Return the best completed experiments by a metric, and why the first one leads.

    Args:
        filters: those of `experiments.query.Query`. `metrics` defaults to the metric of the flow's training, where
            `flow` defaults to the flow of the last experiment. `status` defaults to completed and published.

    Returns:
        `{metric, experiments: [{place, id, name, value, low, high, dataset}], reason}`. `low` and `high` are the 95 %
        interval, or None if it is not known.

    Raises:
        BadInput: a filter matches nothing.
    """
    settings = load()
    flow = filters.get("flow") if filters.get("flow") in flow_names() else ""
    if not filters.get("metrics"):
        filters["metrics"] = f"cv_{settings.flow(flow or _last_flow(connect(settings).api, settings)).metric}"
    filters["status"] = filters.get("status") or ("completed", "published")
    query = make_query(settings, **filters)
    # The reason compares the first with the second, so at least two are read.
    found = experiments(**{**filters, "top": query.top and max(query.top, 2)})
    board = ranked(found, query.metrics[0], query.ascending)
    return {**board, "experiments": board["experiments"][: query.top]}


def experiments(ids: Sequence[str] = (), **filters: Any) -> list[dict[str, Any]]:
    """Return experiments as `show_experiment` does: those of the ids, or those of the filters.

    Raises BadInput if an id or filter matches nothing, or if an experiment is given twice.
    """
    settings = load()
    backend = connect(settings)
    if not ids:
        return list(described(backend, select(backend.api, make_query(settings, **filters), FIELDS)[0]))
    tasks = [find_experiment(backend.api, typed) for typed in ids]
    found = [task["id"] for task in tasks]
    twice = next((one for one in found if found.count(one) > 1), None)
    if twice:
        raise BadInput(f"experiment {twice} is named twice")
    return list(described(backend, tasks))


def described(backend: Backend, tasks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield Tasks with `FIELDS` as `show_experiment` returns them."""
    commits = _commits(backend.api, tasks)
    for task in tasks:
        items = [item for section in task.get("hyperparams", {}).values() for item in section.values()]
        # Notes of a push are no parameters of the experiment.
        items = [item for item in items if item["name"] not in NOTES]
        general = {item["name"]: item.get("value") for item in items if item.get("section") == "General"}
        yield {
            **_row(task),
            "started": task.get("started"),
            "completed": task.get("completed"),
            "parameters": {f"{item['section']}/{item['name']}": item.get("value") for item in items},
            "metrics": reported_metrics(task),
            "dataset": {key: general.get(name) for key, name in DATASET_KEYS.items()},
            "code": _code(task, commits[task["id"]]),
            "web_url": f"{backend.web_url}/projects/{_id_of(task.get('project'))}/experiments/{task['id']}/output/log",
        }


def make_query(settings: Settings, **filters: Any) -> Query:
    """Return the query of these filters. The default project is that of the settings."""
    given = dict(filters)
    for name in ("tags", "status", "metrics"):
        value = given.get(name) or ()
        given[name] = (value,) if isinstance(value, str) else tuple(value)
    named = filters.get("project")
    return Query(**{**given, "project": named or settings.project.name, "named": bool(named)})


def usual_metrics(settings: Settings) -> tuple[str, ...]:
    """Return the metrics that the flows choose models by, then F1 and RMSE."""
    training = [name for name in flow_names() if getattr(settings, name) and getattr(settings, name).experiments]
    judged = [f"cv_{settings.flow(name).metric}" for name in training]
    return tuple(dict.fromkeys([*judged, "cv_f1_score", "cv_rmse"]))


def _last_flow(api: Api, settings: Settings) -> str:
    """Return the flow of the newest experiment, or the first flow if there is none."""
    query = make_query(settings, status=("completed", "published"), top=20)
    for task in select(api, query, ["hyperparams.General.flow.value"])[0]:
        flow = (task.get("hyperparams") or {}).get("General", {}).get("flow", {}).get("value")
        if flow in flow_names():
            return str(flow)
    return flow_names()[0]


def _row(task: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": task["id"],
        "name": task["name"],
        "project": (task.get("project") or {}).get("name"),
        "status": task.get("status"),
        "tags": task.get("tags") or [],
        "created": task.get("created"),
    }


def reported_metrics(task: dict[str, Any]) -> dict[str, float]:
    """Return the last value of each scalar by its name, sorted."""
    found = {}
    for title, variants in (task.get("last_metrics") or {}).items():
        for series, item in variants.items():
            value = metric_value(task, f"last_metrics.{title}.{series}")
            if value is not None:
                found[metric_name(item["metric"], item["variant"])] = value
    return dict(sorted(found.items()))


def _code(task: dict[str, Any], commit: str | None) -> dict[str, Any]:
    script = task.get("script") or {}
    changes = script.get("diff")
    told = {name: script.get(name) or None for name in ("repository", "branch", "entry_point")}
    return {"commit": commit, **told, "changes": hashlib.sha256(changes.encode()).hexdigest() if changes else None}


def _commits(api: Api, tasks: Sequence[dict[str, Any]]) -> dict[str, str | None]:
    """Return the commit of each Task's code by id: its own, or the nearest ancestor's."""
    known = {task["id"]: task for task in tasks}
    for _ in range(ANCESTORS):
        above = {_id_of(task.get("parent")) for task in known.values() if not _own_commit(task)}
        unknown = sorted(one for one in above if one and one not in known)
        for start in range(0, len(unknown), PAGE):
            query = {"id": unknown[start : start + PAGE], "only_fields": ["parent", "script.version_num"]}
            found = api.call("tasks.get_all_ex", **query, search_hidden=True, page_size=PAGE)["tasks"]
            known.update((task["id"], task) for task in found)
    return {task["id"]: _commit(task, known) for task in tasks}


def _commit(task: dict[str, Any], known: dict[str, dict[str, Any]]) -> str | None:
    for _ in range(ANCESTORS):
        parent = known.get(_id_of(task.get("parent")) or "")
        if _own_commit(task) or parent is None:
            break
        task = parent
    return _own_commit(task)


def _own_commit(task: dict[str, Any]) -> str | None:
    return (task.get("script") or {}).get("version_num") or None


def _id_of(reference: Any) -> str | None:
    """Return the id of a project or parent. The API returns an id, or an object with an id."""
    return reference.get("id") if isinstance(reference, dict) else reference
