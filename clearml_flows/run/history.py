"""Runs of the flows on the backend: list, show, stop and resume."""

import re
from datetime import datetime
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput
from clearml_flows.run import ending
from clearml_flows.run.cache import FIELDS as CACHE_FIELDS
from clearml_flows.run.cache import explain_cache
from clearml_flows.run.document import page_of
from clearml_flows.run.options import NO_QUEUE, How
from clearml_flows.run.snapshot import BROKEN, RUNNING, failure_of, graph
from clearml_flows.settings import Settings, load

TIMES = ["created", "started", "completed"]
FIELDS = ["id", "name", "project.name", "status", "status_message", *TIMES, "hyperparams.run"]
HOW_FIELDS = ["hyperparams.pipeline", "hyperparams.run", "execution.queue"]
STEP_FIELDS = [*CACHE_FIELDS, "started", "last_worker", "status_message", "status_reason", "runtime"]

Task = dict[str, Any]


def list_runs(last: int = 20) -> list[dict[str, Any]]:
    """Return the last runs, newest first.

    Each is `{id, name, flow, status, started, seconds, backend, message}`, with times in UTC. Raises Unreachable if no
    backend answers.
    """
    settings = load()
    backend = connect(settings)
    projects = own_projects(backend.api, settings)
    if not projects:
        return []
    query = {**_filters(projects), "order_by": ["-created"], "page": 0, "page_size": last, "search_hidden": True}
    found = backend.api.call("tasks.get_all_ex", **query, only_fields=FIELDS)["tasks"]
    return [row(_settled(task, backend.api, settings), backend) for task in found]


def show_run(typed: str = "") -> dict[str, Any]:
    """Return all facts of a run.

    The fields of `list_runs`, and web_url, options, the run that it resumes, and its steps. Each step is `{name,
    task_id, status, started, seconds, worker, cache, message}`. `cache` explains the cache hit or miss.

    Args:
        typed: the run's id or its beginning. Empty: the last run.

    Raises:
        BadInput: there is no such run, or more than one.
        Unreachable: no backend answers.
    """
    settings = load()
    backend = connect(settings)
    task = _settled(find_run(backend.api, settings, typed), backend.api, settings)
    page = page_of(backend, task["project"]["id"], task["id"])
    told = {"web_url": page, "options": _options(task), "resumes": _parameter(task, "run", "resume") or None}
    return {**row(task, backend), **told, "steps": _steps(backend.api, task)}


def stop_run(typed: str) -> dict[str, Any]:
    """Stop a run: its controller, its steps and their experiments, running or queued.

    Returns:
        `{id, flow, stopped}`. `stopped` is the number of marked Tasks, 0 if the run had ended before.

    Raises:
        BadInput: there is no such run, or more than one.
        Unreachable: no backend answers.
    """
    settings = load()
    api = connect(settings).api
    task = find_run(api, settings, typed)
    stopped = ending.stop(api, task["id"], "stopped by `flows runs stop`")
    return {"id": task["id"], "flow": flow_of(task), "stopped": len(stopped)}


def flow_of(task: Task) -> str:
    """Return the flow of a run's Task. ClearML has a project for each pipeline."""
    return str(task["project"]["name"]).rpartition("/")[2]


def resumed(typed: str) -> tuple[str, How]:
    """Return the flow of an unfinished run, and the options of a run that resumes it.

    Raises:
        BadInput: there is no such run, or more than one; or the run completed or still runs.
        Unreachable: no backend answers.
    """
    settings = load()
    api = connect(settings).api
    task = _settled(find_run(api, settings, typed), api, settings)
    if task["status"] in RUNNING:
        raise BadInput(f"run {task['id']} is {task['status']}; `flows runs stop {task['id']}` stops it")
    if task["status"] not in BROKEN:
        raise BadInput(f"run {task['id']} is {task['status']}: there is nothing to resume")
    made = api.call("tasks.get_all", id=[task["id"]], search_hidden=True, only_fields=HOW_FIELDS)["tasks"][0]
    queue = _parameter(made, "pipeline", "default_queue")
    remote = bool((made.get("execution") or {}).get("queue"))
    here = queue == NO_QUEUE and not remote
    fresh = _parameter(task, "run", "no_cache") == "True"
    return flow_of(task), How(fresh=fresh, resume=task["id"], queue="" if here else queue, remote=remote)


def find_run(api: Api, settings: Settings, typed: str) -> Task:
    """Return the run's Task with FIELDS. Raises BadInput if there is none."""
    projects = own_projects(api, settings)
    if typed and projects:
        return find_by_id(api, "tasks", typed, "run", FIELDS, **_filters(projects))
    query = {**_filters(projects), "order_by": ["-created"], "page": 0, "page_size": 1, "search_hidden": True}
    found = api.call("tasks.get_all_ex", **query, only_fields=FIELDS)["tasks"] if projects else []
    if not found:
        raise BadInput(f"no flow has run in {settings.project.name} yet; `flows run churn` runs one")
    return dict(found[0])


def _filters(projects: list[str]) -> dict[str, Any]:
    return {"project": projects, "type": ["controller"], "system_tags": ["pipeline"]}


def own_projects(api: Api, settings: Settings) -> list[str]:
    """Return the ids of the hidden projects where ClearML keeps the flows' pipelines."""
    name = f"^{re.escape(settings.project.name)}/\\.pipelines/"
    found = api.call("projects.get_all", name=name, only_fields=["id"], search_hidden=True)["projects"]
    return [project["id"] for project in found]


def _settled(task: Task, api: Api, settings: Settings) -> Task:
    """Return the run after its lost Tasks are marked as failed."""
    if task["status"] not in RUNNING or not ending.settle(api, task["id"], settings.agents.lost_after):
        return task
    return dict(api.call("tasks.get_all_ex", id=[task["id"]], search_hidden=True, only_fields=FIELDS)["tasks"][0])


def row(task: Task, backend: Backend) -> dict[str, Any]:
    """Return the fields of `list_runs` for a run's Task with FIELDS."""
    return {
        "id": task["id"],
        "name": task["name"],
        "flow": flow_of(task),
        "status": task["status"],
        "started": task.get("started"),
        "seconds": _seconds(task, backend.api.now()),
        "backend": backend.kind,
        "message": task.get("status_message") or None,
    }


def _steps(api: Api, task: Task) -> list[dict[str, Any]]:
    controller = api.call("tasks.get_by_id", task=task["id"])["task"]
    nodes = graph(controller)
    ids = [node["job_id"] for node in nodes.values() if node.get("job_id")]
    query = {"id": ids, "search_hidden": True, "only_fields": STEP_FIELDS}
    tasks = {one["id"]: one for one in api.call("tasks.get_all", **query)["tasks"]} if ids else {}
    return [_step(api, task, name, node, tasks.get(node.get("job_id") or "")) for name, node in nodes.items()]


def _step(api: Api, run: Task, name: str, node: dict[str, Any], task: Task | None) -> dict[str, Any]:
    if task is None:
        blank = dict.fromkeys(["task_id", "started", "seconds", "worker", "cache", "message"])
        return {"name": name, "status": "pending", **blank}
    cached = task.get("parent") != run["id"]
    return {
        "name": name,
        "task_id": task["id"],
        "status": "cached" if cached else task["status"],
        "started": None if cached else task.get("started"),
        "seconds": 0.0 if cached else _seconds(task, api.now()),
        "worker": task.get("last_worker"),
        "cache": explain_cache(api, task, run["id"], bool(node.get("cache_executed_step")), _options(run)),
        "message": failure_of(task) if task["status"] in BROKEN else None,
    }


def _options(run: Task) -> str:
    """Return the options of the run that force steps to run again."""
    forced = [f"--force {name}" for name in _parameter(run, "run", "force").split(",") if name]
    return " ".join([*(["--no-cache"] if _parameter(run, "run", "no_cache") == "True" else []), *forced])


def _parameter(task: Task, section: str, name: str) -> str:
    return str((task.get("hyperparams") or {}).get(section, {}).get(name, {}).get("value", ""))


def _seconds(task: Task, now: datetime) -> float | None:
    if not task.get("started"):
        return None
    end = datetime.fromisoformat(task["completed"]) if task.get("completed") else now
    return max(0.0, round((end - datetime.fromisoformat(task["started"])).total_seconds(), 1))
