"""Stop runs, and mark Tasks whose process or worker died as failed.

The Task of a dead worker or controller stays `in_progress`, and ClearML's controller waits for it forever. Every
process that watches a run therefore marks lost Tasks. The run then ends, or retries the step.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psutil

from clearml_flows.backend.client import Api, Refused
from clearml_flows.run.snapshot import RUNNING

PROCESS = "process"  # user property of a controller's Task: host, pid and start time of its process
PING_SECONDS = 120.0  # the SDK sends a ping every 30 s; a process that missed four counts as dead
_CLOCK_STEP_SECONDS = 2.0
FIELDS = ["id", "parent", "status", "status_changed", "created", "last_worker", "last_worker_report"]

Task = dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """A Task in progress whose process or worker died, and a sentence with the reason."""

    task: str
    why: str


def process_mark() -> str:
    """Return host, pid and start time of this process, for checks whether it is alive."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time()}"


def was_lost(message: str) -> bool:
    """Return whether this status message is from `settle`: the Task's worker or process died."""
    return " was lost" in message and message.startswith(("worker ", "its process "))


def settle(api: Api, run_id: str, lost_after: float) -> list[Lost]:
    """Mark the lost Tasks of a run, and the Tasks that they started, as failed.

    If the run has ended, mark its Tasks that still run as failed.

    Args:
        lost_after: seconds without a report of the worker after which a Task is lost.

    Returns:
        The lost Tasks. Empty if the run has ended.

    Raises:
        Unreachable: no backend answers.
    """
    tasks = family(api, run_id)
    controller = tasks[0]
    if controller["status"] not in RUNNING:
        mark(api, _running(tasks), "failed", f"the run it belonged to is {controller['status']}")
        return []
    found = []
    for lost in _find_lost(controller, tasks, api.now(), lost_after):
        # Second request: the Task may have ended normally between the first request and the check of its process.
        ids = _still_running(api, _below(lost.task, tasks))
        if lost.task in ids:
            mark(api, ids, "failed", lost.why)
            found.append(lost)
    return found


def find_lost(api: Api, run_id: str, lost_after: float) -> list[Lost]:
    """Return the Tasks that `settle` would mark, without their children. Raises Unreachable."""
    tasks = family(api, run_id)
    controller = tasks[0]
    if controller["status"] not in RUNNING:
        return [Lost(task, f"the run it belonged to is {controller['status']}") for task in _running(tasks)]
    return list(_find_lost(controller, tasks, api.now(), lost_after))


def stop(api: Api, run_id: str, message: str) -> list[str]:
    """Mark the run's unfinished Tasks as stopped and return their ids.

    Agents then end the processes.
    """
    ids = unfinished(api, run_id)
    mark(api, ids, "stopped", message)
    # The controller may have started Tasks before it noticed its new status.
    late = unfinished(api, run_id)
    mark(api, late, "stopped", message)
    return [*ids, *late]


def unfinished(api: Api, run_id: str) -> list[str]:
    """Return the ids of unfinished Tasks: the controller, its steps and their experiments."""
    return _running(family(api, run_id))


def family(api: Api, run_id: str) -> list[Task]:
    """Return the run's Tasks: the controller, its steps, then the Tasks that the steps started.

    Raises Refused if there is no such run.
    """
    controller = api.call("tasks.get_by_id", task=run_id)["task"]
    # A Task created after the run's end is a user's clone and no part of the run.
    until = controller.get("completed") or "9"
    found, parents = [controller], [run_id]
    while parents:
        query = {"parent": parents, "search_hidden": True, "only_fields": FIELDS, "page": 0, "page_size": 500}
        answer = api.call("tasks.get_all", **query)["tasks"]
        children = [child for child in answer if child["created"] <= until]
        parents = [child["id"] for child in children]
        found += children
    return found


def mark(api: Api, ids: Iterable[str], status: str, message: str) -> None:
    """Give Tasks the status `stopped` or `failed`. Queued Tasks are dequeued before."""
    wanted = list(ids)
    query = {"id": wanted, "status": ["queued"], "only_fields": ["id"], "search_hidden": True}
    waiting = {task["id"] for task in api.call("tasks.get_all", **query)["tasks"]} if wanted else set()
    for task in wanted:
        if task in waiting:
            with suppress(Refused):  # an agent has taken it in the meantime
                api.call("tasks.dequeue", task=task)
        with suppress(Refused):  # it was deleted or published in the meantime
            api.call(f"tasks.{status}", task=task, status_reason=message, status_message=message, force=True)


def _running(tasks: Iterable[Task]) -> list[str]:
    return [task["id"] for task in tasks if task["status"] in RUNNING]


def _still_running(api: Api, ids: list[str]) -> list[str]:
    asked = {"id": ids, "search_hidden": True, "only_fields": ["id", "status"], "page": 0, "page_size": len(ids)}
    running = _running(api.call("tasks.get_all", **asked)["tasks"]) if ids else []
    return [task for task in ids if task in running]


def _below(root: str, tasks: list[Task]) -> list[str]:
    """Return the running Tasks among the Task and its descendants.

    `tasks` must have parents before their children.
    """
    ids = {root}
    for task in tasks:
        if task.get("parent") in ids:
            ids.add(task["id"])
    return _running(task for task in tasks if task["id"] in ids)


def _find_lost(controller: Task, tasks: list[Task], now: datetime, lost_after: float) -> Iterator[Lost]:
    if why := _why_lost(controller, now, lost_after):
        yield Lost(controller["id"], why)
        return
    for task in tasks[1:]:
        # A step without a worker is a process of the controller, and the controller notices its end.
        is_step = task.get("parent") == controller["id"] and task.get("last_worker_report")
        if is_step and (why := _why_lost(task, now, lost_after)):
            yield Lost(task["id"], why)


def _why_lost(task: Task, now: datetime, lost_after: float) -> str:
    """Return the reason why the Task is lost. Empty if nothing shows that it is."""
    if task["status"] != "in_progress":
        return ""
    if task.get("last_worker_report"):
        # After a retry, the Task has the earlier worker's report until the next worker sends its first.
        silent = _seconds(max(task["last_worker_report"], task["status_changed"]), now)
        told = f"worker {task['last_worker']} was lost: it has not reported for {silent:.0f} s"
        return told if silent > lost_after else ""
    mark = (task.get("hyperparams") or {}).get("properties", {}).get(PROCESS, {}).get("value", "")
    host, _, process = mark.partition(" ")
    if host == socket.gethostname():
        return "" if _lives(process) else f"its process {process.partition(' ')[0]} on {host} was lost"
    silent = _seconds(task["last_update"], now)
    where = f"on {host} " if host else ""
    return f"its process {where}was lost: nothing was heard of it for {silent:.0f} s" if silent > PING_SECONDS else ""


def _lives(process: str) -> bool:
    pid, began = process.split()
    try:
        found = psutil.Process(int(pid))
        same = abs(found.create_time() - float(began)) <= _CLOCK_STEP_SECONDS
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _seconds(since: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(since)).total_seconds()
