"""Checks of the backend's state: queues, agents, locks, schedules, lost runs."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.queues import LIVE_SECONDS
from clearml_flows.doctor.check_result import CheckInput, CheckResult, failed, ok, warning
from clearml_flows.run import ending
from clearml_flows.run.ending import Lost
from clearml_flows.run.history import own_projects
from clearml_flows.run.snapshot import RUNNING
from clearml_flows.schedule.service import status
from clearml_flows.schedule.shared import Shared
from clearml_flows.schedule.stores import project, shared_store

LOCKS = (
    "promotion",
    "schedules",
)  # of clearml_flows/tabular/registry/promotion_lock.py and clearml_flows/backend/queue_lock.py
LEFT_AFTER = timedelta(minutes=2)  # a holder starts no new work after 30 seconds


def check_queues(found: CheckInput) -> CheckResult:
    api, named = found.backend.api, found.settings.queues
    queues = api.call("queues.get_all", only_fields=["id", "name", "entries"])["queues"]
    live = api.call("workers.get_all", last_seen=LIVE_SECONDS)["workers"]
    counts = {queue["name"]: sum(_watches(worker, queue["id"]) for worker in live) for queue in queues}
    waiting = {queue["name"]: len(queue.get("entries") or []) for queue in queues}
    for name, count in waiting.items():
        if count and not counts[name]:
            told = f"{count} Tasks wait in the queue {name}, which no live agent watches"
            return failed("queues", told, f"flows agent start --queue {name}")
    usual = dict.fromkeys([named.steps, named.services])
    told = ", ".join(
        f"{name}: {counts[name]} live agents" if name in counts else f"{name}: no such queue" for name in usual
    )
    return ok("queues", f"nothing waits for an agent; {told}")


def _watches(worker: dict[str, Any], queue: str) -> bool:
    return queue in [watched["id"] for watched in worker.get("queues") or []]


def check_remote_schedules(found: CheckInput) -> CheckResult:
    """Check that a scheduler runs for the schedules in the backend.

    Nothing restarts a scheduler after its agent has died.
    """
    api = found.backend.api
    with closing(Shared(Api(api.url, api.access_key, api.secret_key, api.timeout), project(found.settings))) as rows:
        active = [one.name for one in shared_store(rows).schedules() if one.state == "active"]
        task = rows.holder.task if rows.holder else ""
    if not active:
        return ok("remote_schedules", "none is active in the backend")
    runs = status(api, task) == "in_progress" and not ending.find_lost(api, task, found.settings.agents.lost_after)
    if not runs:
        told = f"{', '.join(active)} in the backend, and no scheduler runs"
        return failed("remote_schedules", told, "flows schedule start --remote")
    return ok("remote_schedules", f"{len(active)} active in the backend; the scheduler is Task {task[:8]}")


def check_shared_locks(found: CheckInput) -> CheckResult:
    api = found.backend.api
    name = f"^({'|'.join(LOCKS)}) of "
    queues = api.call("queues.get_all", name=name, only_fields=["id", "name", "created"])["queues"]
    left = [one for one in queues if api.now() - datetime.fromisoformat(one["created"]) > LEFT_AFTER]
    if not left:
        return ok("shared_locks", "none is left behind")
    told = f"{left[0]['name']!r} was broken off and left its lock: the next one waits for up to a minute"
    return warning("shared_locks", told, "flows doctor --fix", lambda: _remove(api, left))


def _remove(api: Api, queues: list[dict[str, Any]]) -> str:
    for queue in queues:
        api.call("queues.delete", queue=queue["id"])
    return "removed"


def check_orphans(found: CheckInput) -> CheckResult:
    """Check that the processes of all unfinished runs are alive."""
    api, lost_after = found.backend.api, found.settings.agents.lost_after
    projects = own_projects(api, found.settings)
    if not projects:
        return ok("orphans", "no flow has run yet")
    query = {"project": projects, "type": ["controller"], "status": sorted(RUNNING), "only_fields": ["id"]}
    runs = [task["id"] for task in api.call("tasks.get_all", **query, search_hidden=True)["tasks"]]
    lost = {run: found_lost for run in runs if (found_lost := ending.find_lost(api, run, lost_after))}
    if not lost:
        return ok(
            "orphans", f"{len(runs)} runs are under way, and all of them alive" if runs else "no run is under way"
        )
    return failed("orphans", _told(lost), "flows doctor --fix", lambda: _settle(api, list(lost), lost_after))


def _told(lost: dict[str, list[Lost]]) -> str:
    run, first = next(iter(lost.items()))
    count = sum(map(len, lost.values()))
    more = f", and {count - 1} more" if count > 1 else ""
    return f"run {run[:8]} says it is under way, but of Task {first[0].task[:8]} {first[0].why}{more}"


def _settle(api: Api, runs: list[str], lost_after: float) -> str:
    marked = sum(len(ending.settle(api, run, lost_after)) for run in runs)
    return f"marked {marked} as failed"
