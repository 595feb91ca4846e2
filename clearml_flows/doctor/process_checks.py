"""Checks of processes on this machine: agents, scheduler, monitor, holders of locks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from clearml_flows.agents.agent_state import FOLDER, read_agents
from clearml_flows.agents.api import processes_of
from clearml_flows.backend.connection import data_dir
from clearml_flows.doctor.check_result import CheckResult, failed, ok, warning
from clearml_flows.lock import holder
from clearml_flows.monitor.heartbeat import watcher
from clearml_flows.monitor.schedules import Schedules
from clearml_flows.settings import Settings

LATE = timedelta(minutes=2)


def check_agents(settings: Settings) -> CheckResult:
    folder = data_dir(settings) / FOLDER
    agents = read_agents(folder) if folder.is_dir() else []
    dead = [agent for agent in agents if agent.process() is None]
    if dead:
        left = len(processes_of(dead))
        names = [agent.worker for agent in dead]
        told = f"started here and dead: {', '.join(names)}{f'; {left} of their processes still run' if left else ''}"
        return (failed if left else warning)("agents", told, f"flows agent stop {' '.join(names)}")
    return ok("agents", f"{len(agents)} run that were started here" if agents else "none was started here")


def check_schedules(settings: Settings) -> CheckResult:
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
        told = f"no scheduler runs: {', '.join(late)} should have run"
        return failed("schedules", told, "flows schedule start")
    by = f"the scheduler is process {pid}" if pid else "none is late"
    return ok("schedules", f"{len(active)} active; {by}")


def check_monitor(settings: Settings) -> CheckResult:
    told = watcher(data_dir(settings))
    if told["alive"]:
        return ok("monitor", f"process {told['pid']} watches; its last check was at {told['at']}")
    if told["pid"]:
        return warning("monitor", f"the one that watched is gone, since about {told['at']}", "flows monitor watch")
    return ok("monitor", "no monitor has run here; `flows monitor watch` notifies when runs fail")


def check_locks(settings: Settings) -> CheckResult:
    """Check for a lock whose process is gone. A child of that process still holds the lock."""
    for path in sorted(data_dir(settings).glob("*.pid")):
        pid = holder(path.parent, path.stem)
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            by = ", ".join(map(str, _holders(path.with_suffix(".lock"))))
            told = f"{path.with_suffix('.lock')} is held, but process {pid} which took it is gone"
            return failed("locks", told, f"kill {by}" if by else None)
    return ok("locks", "none is held by what is gone")


def _holders(lock: Path) -> Iterator[int]:
    """Yield the ids of processes that have the file open, as far as this user may see."""
    for process in psutil.process_iter():
        try:
            if any(Path(opened.path) == lock for opened in process.open_files()):
                yield process.pid
        except (psutil.Error, OSError):
            continue
