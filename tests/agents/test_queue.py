"""The controller here, the steps on the agents of a queue."""

import re
import subprocess

import pytest

from tests.agents.conftest import Fleet
from tests.e2e.conftest import Finished
from tests.e2e.test_churn_flow import STEPS


@pytest.fixture(scope="module")
def queued(fleet: Fleet) -> Finished:
    return fleet.place.flow("--source", "synthetic", "--json", "--queue", "default")


def test_the_workers_have_nothing_of_ours(fleet: Fleet) -> None:
    for package in ("components", "flows"):
        found = subprocess.run(
            [fleet.python, "-c", f"import {package}"],
            cwd=fleet.workers[0].log.parent,
            env=fleet.backend.env(PYTHONPATH=""),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert f"No module named '{package}'" in found.stderr


def test_a_run_on_a_queue_completes_like_any_other(queued: Finished) -> None:
    assert queued.exit_code == 0, queued.stderr
    document = queued.document
    assert document["status"] == "completed"
    assert [step["name"] for step in document["steps"]] == STEPS
    assert {step["status"] for step in document["steps"]} == {"completed"}
    assert document["evaluation"]["promoted"] is True
    for name in STEPS:
        assert re.search(rf"s  {name}: completed", queued.stderr), queued.stderr


def test_its_steps_ran_on_the_workers(fleet: Fleet, queued: Finished) -> None:
    ids = [step["task_id"] for step in queued.document["steps"]]
    tasks = fleet.api.call("tasks.get_all", id=ids, only_fields=["last_worker"], search_hidden=True)["tasks"]
    assert len(tasks) == len(STEPS)
    assert {task["last_worker"] for task in tasks} <= {worker.worker_id for worker in fleet.workers}
