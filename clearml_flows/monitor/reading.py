"""Read the pipelines of a backend, page by page."""

import dataclasses
import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from clearml_flows.backend.client import Api, Refused
from clearml_flows.monitor.records import OPEN, MonitoredRun, instant
from clearml_flows.run import snapshot
from clearml_flows.run.snapshot import Run

PAGE = 100
FIELDS = [
    *("id", "name", "project.name", "status", "status_changed", "status_message", "status_reason", "created"),
    *("started", "completed", "last_update", "runtime", "execution.queue", "configuration.Pipeline"),
]
# ClearML stores the runs of a pipeline in hidden projects, which can be below any project.
PIPELINES: dict[str, Any] = {"type": ["controller"], "system_tags": ["pipeline"], "search_hidden": True}

Task = dict[str, Any]


def changed_since(api: Api, since: datetime) -> dict[str, Task]:
    """Return controllers by id whose status changed at or after `since`, the earliest first."""
    found: dict[str, Task] = {}
    page = 0
    while True:
        asked = {"status_changed": [f">={since.isoformat()}"], "order_by": ["status_changed"]}
        tasks = _page(api, page, **asked)
        for task in tasks:
            found.pop(task["id"], None)
            found[task["id"]] = task
        if len(tasks) < PAGE:
            return found
        # Restart from the last date: a task that changes moves to the end and shifts the following pages.
        last = changed_at(tasks[-1])
        since, page = (last, 0) if last > since else (since, page + 1)


def under_way(api: Api) -> dict[str, Task]:
    """Return the controllers by id that wait in a queue or run."""
    found: dict[str, Task] = {}
    page = 0
    while True:
        tasks = _page(api, page, status=sorted(OPEN), order_by=["created"])
        found |= {task["id"]: task for task in tasks}
        if len(tasks) < PAGE:
            return found
        page += 1


def changed_at(task: Task) -> datetime:
    """Return the time of the last status change."""
    return instant(task["status_changed"])


def look_at(api: Api, task: Task, own: bool) -> MonitoredRun:
    """Return the run of a controller, with its steps."""
    project = task.get("project") or {}
    controller = {**task, "project": project.get("id", "")}
    return MonitoredRun(
        run=_run(api, controller),
        name=task["name"],
        flow=str(project.get("name") or task["name"]).rpartition("/")[2],
        own=own,
        started=task.get("started") or "",
        changed=task["status_changed"],
        updated=task.get("last_update") or task["status_changed"],
        seconds=_seconds(task, api.now()),
        queue=((task.get("execution") or {}).get("queue") or {}).get("id", ""),
    )


def console_end(api: Api, task: str, lines: int) -> list[str]:
    """Return the last `lines` console lines of a Task."""
    events = api.call("events.get_task_log", task=task, batch_size=lines, order="desc")["events"]
    ordered = sorted(events, key=lambda event: event.get("timestamp", 0))
    printed = "\n".join(str(event.get("msg", "")) for event in ordered)
    return printed.strip().splitlines()[-lines:]


def failed_below(api: Api, task: str, count: int) -> list[str]:
    """Return names and last error lines of up to `count` failed Tasks started by a Task."""
    asked = {"parent": [task], "status": ["failed"], "search_hidden": True, "page": 0, "page_size": count}
    fields = ["id", "name", "status_message", "status_reason", "runtime"]
    found = api.call("tasks.get_all", **asked, order_by=["created"], only_fields=fields)["tasks"]
    said = [(one["name"], snapshot.failure_of(one).strip().splitlines()) for one in found]
    return [f"{name}: {lines[-1]}" for name, lines in said if lines]


def names_of_queues(api: Api) -> dict[str, str]:
    """Return the names of all queues by id."""
    queues = api.call("queues.get_all", only_fields=["id", "name"])["queues"]
    return {queue["id"]: queue["name"] for queue in queues}


def _page(api: Api, page: int, **asked: Any) -> list[Task]:
    answer = api.call("tasks.get_all_ex", **PIPELINES, **asked, page=page, page_size=PAGE, only_fields=FIELDS)
    return list(answer["tasks"])


def _run(api: Api, controller: Task) -> Run:
    steps: Run | None = None
    # Another program's pipeline may store its graph in an unknown form. Its steps are then left out.
    with suppress(json.JSONDecodeError, AttributeError, TypeError, KeyError, Refused):
        steps = snapshot.of_controller(api, controller)
    if steps:
        return steps
    bare = {**controller, "configuration": {}}
    return dataclasses.replace(snapshot.of_controller(api, bare), steps=())


def _seconds(task: Task, now: datetime) -> float:
    if not task.get("started"):
        return 0.0
    end = instant(task["completed"]) if task.get("completed") and task["status"] not in OPEN else now
    return max(0.0, round((end - instant(task["started"])).total_seconds(), 1))
