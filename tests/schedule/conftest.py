"""A scheduler with a clock, a backend and processes of the test's own; the store is real."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.errors import Unreachable
from clearml_flows.schedule.engine import Engine, RunState
from clearml_flows.schedule.records import Run, Schedule, text
from clearml_flows.schedule.store import Store

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
WAYS: dict[str, Any] = {
    "kind": "interval",
    "timing": "3600",
    "zone": "UTC",
    "flow": "churn",
    "options": [],
    "max_runs": None,
    "overlap": "forbid",
    "catch_up": "latest",
    "grace": 300,
    "jitter": 0,
}


@dataclass
class World:
    """Backend and processes at once: what runs, what was launched and stopped."""

    launched: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    tasks: dict[str, RunState] = field(default_factory=dict)
    processes: set[int] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    away: bool = False

    def launch(self, run: Run) -> tuple[int, float]:
        if run.schedule in self.broken:
            raise OSError("no more processes")
        self.launched.append(run.key)
        pid = len(self.launched)
        self.processes.add(pid)
        return pid, 0.0

    def alive(self, run: Run) -> bool:
        return run.pid in self.processes

    def running(self) -> list[RunState]:
        return [task for task in self._answering().values() if task.runs]

    def find(self, key: str) -> RunState | None:
        return next((task for task in self._answering().values() if key in task.tags), None)

    def stop(self, run_or_task: Run | str, _why: str = "") -> None:
        self.stopped.append(run_or_task if isinstance(run_or_task, str) else f"process {run_or_task.pid}")

    def discard(self, task: str) -> None:
        self.stopped.append(f"draft {task}")
        self.tasks = {key: seen for key, seen in self.tasks.items() if seen.id != task}

    def task(self, key: str, status: str = "in_progress", silent: timedelta = timedelta()) -> None:
        self.tasks[key] = RunState(f"task-of-{key}", status, ("scheduled", key), silent)

    def _answering(self) -> dict[str, RunState]:
        if self.away:
            raise Unreachable("no ClearML backend answers")
        return self.tasks


@dataclass
class Scheduler:
    """One that can be killed and started anew on the same files."""

    folder: Path
    world: World = field(default_factory=World)
    said: list[str] = field(default_factory=list)
    now: datetime = START

    def __post_init__(self) -> None:
        self._begin()

    def restart(self) -> None:
        self.store.close()
        self._begin()

    def _begin(self) -> None:
        self.store = Store(self.folder)
        self.engine = Engine(self.store, self.world, self.world, timedelta(minutes=10), 3, self.said.append)

    def add(self, name: str = "hourly", **ways: Any) -> Schedule:
        return self.store.add(name, self.now, **{**WAYS, **ways})

    def tick(self, after: timedelta | None = None) -> list[str]:
        """The times of the runs that a tick, so much later, launches."""
        self.now += after or timedelta()
        before = len(self.world.launched)
        self.engine.tick(self.now)
        return [key.partition("@")[2][11:-4] for key in self.world.launched[before:]]

    def ends(self, state: str = "done") -> None:
        """All that runs ends, with a last word."""
        for run in self.store.open_runs():
            if run.state in ("launched", "begun"):
                self.store.move(run, ("launched", "begun"), state, ended=self.now)
                self.world.processes.discard(run.pid or 0)
        self.world.tasks = {key: replace(task, status="completed") for key, task in self.world.tasks.items()}

    def states(self, schedule: Schedule) -> list[tuple[str, str, int]]:
        """Time, state and count of its runs, the earliest record first."""
        runs = reversed(self.store.runs(schedule, 100))
        return [(text(run.scheduled)[11:16], run.state, run.count) for run in runs]

    def kinds(self) -> list[str]:
        return [notice["kind"] for notice in self.store.notices()]


def begin(scheduler: Scheduler, run: Run) -> None:
    """The run's process takes it over, and has a Task."""
    assert scheduler.store.move(run, ("claimed", "launched"), "begun", pid=run.pid, began=scheduler.now)
    scheduler.world.task(run.key)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    scheduler = Scheduler(tmp_path)
    yield scheduler
    scheduler.store.close()
