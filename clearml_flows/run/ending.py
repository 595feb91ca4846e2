"""The end of what does not end by itself: runs that are stopped, and what died without a last word.

A worker or a controller that dies says nothing: its Task stays `in_progress`, and ClearML's controller waits for it for
ever. Whoever watches a run marks what was lost, so that the run ends, or the step is tried again.
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

PROCESS = "process"  # the user property of a controller's Task that tells where it runs: host, pid, when it began
PING_SECONDS = 120.0  # a process of the SDK's pings each 30 s: one that missed four is taken for dead
_CLOCK_STEP_SECONDS = 2.0
FIELDS = ["id", "parent", "status", "status_changed", "created", "last_worker", "last_worker_report"]

Task = dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """A Task that is marked as running and is not, and the sentence that says why."""

    task: str
    why: str


def process_mark() -> str:
    """What a controller writes down of its process, so that others on this machine can see whether it lives."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time()}"


def was_lost(message: str) -> bool:
    """Whether a Task of this message was marked by `settle`, whoever called it, for its worker or process died."""
    return " was lost" in message and message.startswith(("worker ", "its process "))


def settle(api: Api, run_id: str, lost_after: float) -> list[Lost]:
    """Mark what was lost in a run as failed, with all that it had started, and end what outlived the run itself.

    Args:
        lost_after: seconds without a report of its worker after which a Task is lost.

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
        # Asked again: it may have ended as it should after its record was read, and before its process was looked for.
        ids = _still_running(api, _below(lost.task, tasks))
        if lost.task in ids:
            mark(api, ids, "failed", lost.why)
            found.append(lost)
    return found


def find_lost(api: Api, run_id: str, lost_after: float) -> list[Lost]:
    """What `settle` would mark, but for what goes with it. Raises Unreachable."""
    tasks = family(api, run_id)
    controller = tasks[0]
    if controller["status"] not in RUNNING:
        return [Lost(task, f"the run it belonged to is {controller['status']}") for task in _running(tasks)]
    return list(_find_lost(controller, tasks, api.now(), lost_after))


def stop(api: Api, run_id: str, message: str) -> list[str]:
    """Mark the run and all of it that has not ended as stopped; agents then end the processes. The Tasks' ids."""
    ids = unfinished(api, run_id)
    mark(api, ids, "stopped", message)
    # What was about to start when the controller was told.
    late = unfinished(api, run_id)
    mark(api, late, "stopped", message)
    return [*ids, *late]


def unfinished(api: Api, run_id: str) -> list[str]:
    """Ids of the run's Tasks that have not ended: the controller, its steps, and what these started."""
    return _running(family(api, run_id))


def family(api: Api, run_id: str) -> list[Task]:
    """The run's Tasks: the controller, then its steps, then what these started. Raises Refused if there is no run."""
    controller = api.call("tasks.get_by_id", task=run_id)["task"]
    # Who clones a step of a run that has ended makes a Task of his own.
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
    """Give Tasks the status `stopped` or `failed`; those that wait are taken out of their queue before."""
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
    """The Task and what it started, as far as that runs. `tasks` has parents before their children."""
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
        # A step without a worker is a process of the controller, which sees its end.
        is_step = task.get("parent") == controller["id"] and task.get("last_worker_report")
        if is_step and (why := _why_lost(task, now, lost_after)):
            yield Lost(task["id"], why)


def _why_lost(task: Task, now: datetime, lost_after: float) -> str:
    """The sentence; empty if the Task lives, or nothing is known against it."""
    if task["status"] != "in_progress":
        return ""
    if task.get("last_worker_report"):
        # A Task that is tried again has the report of the worker before until its next one sends its first.
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
