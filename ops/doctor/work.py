"""Checks of what is under way: queues and agents, schedules, monitor, locks, and what died without a last word."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from flows import ending
from flows.api import Api
from flows.backend import data_dir
from flows.ending import Lost
from flows.lock import holder
from flows.preflight import LIVE_SECONDS
from flows.settings import Settings
from flows.watch import RUNNING
from ops.agent_state import FOLDER, read_agents
from ops.doctor.finding import Finding, Found, failed, ok, warning
from ops.monitor.heartbeat import watcher
from ops.monitor.schedules import Schedules
from ops.runs import own_projects

LATE = timedelta(minutes=2)
PROMOTION = "promotion of "
LEFT_AFTER = timedelta(minutes=2)  # whoever holds a lock of promotions begins nothing after half a minute


def check_queues(found: Found) -> Finding:
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


def check_agents(settings: Settings) -> Finding:
    folder = data_dir(settings) / FOLDER
    agents = read_agents(folder) if folder.is_dir() else []
    dead = [agent.worker for agent in agents if agent.process() is None]
    if dead:
        return warning("agents", f"started here and dead: {', '.join(dead)}", f"flows agent stop {' '.join(dead)}")
    return ok("agents", f"{len(agents)} run that were started here" if agents else "none was started here")


def check_schedules(settings: Settings) -> Finding:
    schedules = Schedules(data_dir(settings))
    try:
        active = schedules.active()
    finally:
        schedules.close()
    if not active:
        return ok("schedules", "none is active")
    now = datetime.now(UTC)
    late = [one.name for one in active if now - one.due > LATE]
    pid = holder(data_dir(settings), "schedule")
    if late and not pid:
        told = f"nothing looks at the clock: {', '.join(late)} should have run"
        return failed("schedules", told, "flows schedule start")
    by = f"process {pid} looks at the clock" if pid else "none is late"
    return ok("schedules", f"{len(active)} active; {by}")


def check_monitor(settings: Settings) -> Finding:
    told = watcher(data_dir(settings))
    if told["alive"]:
        return ok("monitor", f"process {told['pid']} watches; its last look was at {told['at']}")
    if told["pid"]:
        return warning("monitor", f"the one that watched is gone, since about {told['at']}", "flows monitor watch")
    return ok("monitor", "none has watched here; `flows monitor watch` tells when runs fail")


def check_locks(settings: Settings) -> Finding:
    """A lock that is held although the process that took it is gone: something that it started holds it still."""
    for path in sorted(data_dir(settings).glob("*.pid")):
        pid = holder(path.parent, path.stem)
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            by = ", ".join(map(str, _holders(path.with_suffix(".lock"))))
            told = f"{path.with_suffix('.lock')} is held, but process {pid} which took it is gone"
            return failed("locks", told, f"kill {by}" if by else None)
    return ok("locks", "none is held by what is gone")


def _holders(lock: Path) -> Iterator[int]:
    """The processes that have the file open, as far as we may know."""
    for process in psutil.process_iter():
        try:
            if any(Path(opened.path) == lock for opened in process.open_files()):
                yield process.pid
        except (psutil.Error, OSError):
            continue


def check_promotions(found: Found) -> Finding:
    api = found.backend.api
    queues = api.call("queues.get_all", name=f"^{PROMOTION}", only_fields=["id", "name", "created"])["queues"]
    left = [one for one in queues if api.now() - datetime.fromisoformat(one["created"]) > LEFT_AFTER]
    if not left:
        return ok("promotions", "no lock of a promotion is left behind")
    told = f"{left[0]['name']!r} was broken off and left its lock: the next one waits for a minute"
    return warning("promotions", told, "flows doctor --fix", lambda: _remove(api, left))


def _remove(api: Api, queues: list[dict[str, Any]]) -> str:
    for queue in queues:
        api.call("queues.delete", queue=queue["id"])
    return "removed"


def check_orphans(found: Found) -> Finding:
    """Runs that say they are under way, and what of them is not."""
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
