"""The scheduler as a Task on an agent, for schedules in the backend. `ops/schedule/remote.py` makes the Task.

It has no memory but the backend's: what one that died had begun, another one on whatever machine goes on with.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from flows import ending
from flows.api import Api
from flows.backend import connect
from flows.errors import FlowsError, Locked, Unreachable
from flows.preflight import check_queues, watching
from flows.settings import Settings, load
from ops.schedule import loop
from ops.schedule.engine import Engine
from ops.schedule.processes import LocalProcesses
from ops.schedule.stores import open_shared, shared_store
from ops.schedule.tasks import Tasks

LOOK_EVERY = 5.0  # seconds; each look asks the backend
BEAT_EVERY = 30.0
ENDS_WITHIN = 60.0  # seconds in which what makes a run's Task comes to its end
# By these the SDK knows the process of a Task: what is started here makes Tasks of its own.
FOREIGN = ("CLEARML_TASK_", "TRAINS_TASK_", "CLEARML_PROC_", "TRAINS_PROC_", "CLEARML_LOG_TASK_", "TRAINS_LOG_TASK_")


def main() -> int:
    """The exit code of the scheduler of this process's Task."""
    task, root = os.environ["CLEARML_TASK_ID"], Path(__file__).resolve().parents[2]
    for name in [name for name in os.environ if name.startswith((*FOREIGN, "FLOWS_"))]:
        del os.environ[name]
    os.environ.update(PYTHONPATH=str(root), FLOWS_SETTINGS=str(root / "settings.toml"))
    try:
        serve(load(), task, _say)
    except FlowsError as error:
        _say(f"error: {error}")
        return error.exit_code
    return 0


def serve(settings: Settings, task: str, say: Callable[[str], None]) -> None:
    """Start what is due, as the Task of this id, until a signal, or until the Task is no longer in progress.

    Raises:
        Locked: another scheduler is under way, or has taken over.
        Unreachable: no backend answers at the start, or no agent watches the queue of controllers but this one.
    """
    api, told = connect(settings).api, loop.dated(say)
    _check_agents(api, settings, task)
    with closing(open_shared(settings, secrets.token_hex(8))) as rows:
        rows.take(task, lambda other: lives(api, other, settings.agents.lost_after))
        store, processes = shared_store(rows), LocalProcesses(None)
        lost_after = timedelta(seconds=settings.schedule.lost_after)
        engine = Engine(store, Tasks(settings), processes, lost_after, settings.schedule.most, told)
        try:
            loop.run(store, Patient(engine.tick, api, task, told).tick, told, LOOK_EVERY)
        finally:
            processes.wait(ENDS_WITHIN)
            with suppress(Unreachable, Locked):
                rows.leave()


class Patient:
    """Ticks that wait while the backend is away, and that end with their Task."""

    def __init__(self, tick: Callable[[datetime], None], api: Api, task: str, say: Callable[[str], None]) -> None:
        self._tick, self._api, self._task, self._say = tick, api, task, say
        self._beaten, self._away = 0.0, False

    def tick(self, now: datetime) -> None:
        try:
            self._beat()
            self._tick(now)
            self._away = False
        except Unreachable as away:
            if not self._away:
                self._say(f"what is due waits: {away}")
            self._away = True

    def _beat(self) -> None:
        """Say that the Task lives, so that the server's watchdog does not stop it. Raises Locked if it was ended."""
        if time.monotonic() < self._beaten + BEAT_EVERY:
            return
        if status(self._api, self._task) != "in_progress":
            raise Locked(f"Task {self._task} was ended; so its scheduler ends")
        self._api.call("tasks.ping", task=self._task)
        self._beaten = time.monotonic()


def lives(api: Api, task: str, lost_after: float) -> bool:
    """Whether the scheduler of this Task runs; one whose worker was lost is marked failed."""
    if status(api, task) != "in_progress":
        return False
    ending.settle(api, task, lost_after)
    return status(api, task) == "in_progress"


def status(api: Api, task: str) -> str:
    """Empty if there is no such Task."""
    found = api.call("tasks.get_all", id=[task], only_fields=["status"], search_hidden=True)["tasks"]
    return str(found[0]["status"]) if found else ""


def _check_agents(api: Api, settings: Settings, task: str) -> None:
    queue = settings.queues.services
    worker = api.call("tasks.get_by_id", task=task)["task"].get("last_worker") or ""
    ids = check_queues(api, [queue])
    if set(watching(api, ids[queue])) <= {worker}:
        raise Unreachable(
            f"no live agent watches the queue {queue!r} of the runs' controllers but {worker}, which is busy with this "
            "scheduler; let it run in services mode, or start another"
        )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
