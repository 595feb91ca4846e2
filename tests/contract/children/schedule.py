"""A Task that ClearML's own TaskScheduler enqueues; no agent takes it from the queue."""

import threading
import time
from collections.abc import Callable
from typing import Any

from clearml import Task
from clearml.automation import TaskScheduler
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell

PATIENCE = 60.0


def run(project: str) -> Document:
    """A job that is due at once."""
    queue = f"{project} queue"
    client = APIClient()
    client.queues.create(name=queue)
    base = Task.create(project_name=project, task_name="to be scheduled")
    base.set_parameters({"Args/rows": 1})
    scheduler = TaskScheduler(force_create_task_project=project, force_create_task_name="time")
    common: dict[str, Any] = {"queue": queue, "execute_immediately": True, "minute": 0, "hour": 0, "day": 1}
    scheduler.add_task(base.id, name="now", task_parameters={"Args/rows": 2}, recurring=False, **common)
    # It never returns.
    threading.Thread(target=scheduler.start, daemon=True).start()

    def enqueued() -> list[str]:
        (found,) = client.queues.get_all(name=f"^{queue}$")
        return [entry.task for entry in found.entries]

    until(lambda: bool(enqueued()))
    tasks = [Task.get_task(task_id=task_id) for task_id in enqueued()]
    own = Task.get_task(task_id=scheduler._task.id)
    return {
        "enqueued": [
            [task.name, task.get_status(), task.get_tags(), task.get_parameters()["Args/rows"]] for task in tasks
        ],
        "scheduler": [own.get_status(), own.task_type],
        "sections": sorted(own.get_configuration_objects()),
    }


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


tell(run)
