"""The scheduler as a Task on an agent, for schedules in the backend.

`schedule/remote.py` creates the Task. All state is in the backend. A new scheduler on any machine
continues the work of one that died.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta

from clearml_flows import project
from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.backend.queues import check_queues, watching
from clearml_flows.errors import FlowsError, Locked, Unreachable
from clearml_flows.run import ending
from clearml_flows.schedule import loop
from clearml_flows.schedule.engine import Engine
from clearml_flows.schedule.processes import LocalProcesses
from clearml_flows.schedule.stores import open_shared, shared_store
from clearml_flows.schedule.tasks import Tasks
from clearml_flows.settings import Settings, load

LOOK_EVERY = 5.0  # seconds between ticks; each tick sends requests to the backend
BEAT_EVERY = 30.0
ENDS_WITHIN = 60.0  # seconds that processes which create Tasks have to finish
# By these variables the SDK finds the Task of its process. Processes started here must create Tasks of their own.
FOREIGN = ("CLEARML_TASK_", "TRAINS_TASK_", "CLEARML_PROC_", "TRAINS_PROC_", "CLEARML_LOG_TASK_", "TRAINS_LOG_TASK_")


def main() -> int:
    """Run the scheduler of this process's Task and return the exit code."""
    task, root = os.environ["CLEARML_TASK_ID"], project.LIBRARY
    for name in [name for name in os.environ if name.startswith((*FOREIGN, "FLOWS_"))]:
        del os.environ[name]
    os.environ.update(PYTHONPATH=str(root), FLOWS_SETTINGS=str(root / project.SETTINGS))
    try:
        serve(load(), task, _say)
    except FlowsError as error:
        _say(f"error: {error}")
        return error.exit_code
    return 0


def serve(settings: Settings, task: str, say: Callable[[str], None]) -> None:
    """Run the scheduler as the Task `task` until a signal or until the Task has ended.

    Raises:
        Locked: another scheduler runs, or has taken over.
        Unreachable: the backend does not answer at the start, or only this agent watches the controllers' queue.
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
    """Ticks that wait while the backend does not answer."""

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
                self._say(f"due runs wait: {away}")
            self._away = True

    def _beat(self) -> None:
        """Ping the Task, so that the server's watchdog does not stop it.

        Raises Locked if the Task has ended.
        """
        if time.monotonic() < self._beaten + BEAT_EVERY:
            return
        if status(self._api, self._task) != "in_progress":
            raise Locked(f"Task {self._task} has ended, so its scheduler ends")
        self._api.call("tasks.ping", task=self._task)
        self._beaten = time.monotonic()


def lives(api: Api, task: str, lost_after: float) -> bool:
    """Return whether the scheduler of this Task runs.

    A Task whose worker is lost is marked failed.
    """
    if status(api, task) != "in_progress":
        return False
    ending.settle(api, task, lost_after)
    return status(api, task) == "in_progress"


def status(api: Api, task: str) -> str:
    """Return the Task's status, or an empty text if there is no such Task."""
    found = api.call("tasks.get_all", id=[task], only_fields=["status"], search_hidden=True)["tasks"]
    return str(found[0]["status"]) if found else ""


def _check_agents(api: Api, settings: Settings, task: str) -> None:
    queue = settings.queues.services
    worker = api.call("tasks.get_by_id", task=task)["task"].get("last_worker") or ""
    ids = check_queues(api, [queue])
    if set(watching(api, ids[queue])) <= {worker}:
        raise Unreachable(
            f"no live agent watches the queue {queue!r} of the runs' controllers but {worker}, which is busy with this "
            "scheduler; run that agent in services mode, or start another agent"
        )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
