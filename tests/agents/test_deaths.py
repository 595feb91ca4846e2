"""What dies in the middle of a run, one after the other in the life of one: its controller, the backend, a worker.

Each time the run ends by itself, and what resumes it does nothing twice.
"""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from flows import ending
from localserver import launcher
from tests.agents.conftest import Fleet
from tests.e2e.test_churn_flow import STEPS
from tests.support.agents import Agent, running_agent
from tests.support.running import Running

QUEUE = "mortals"
# Their agents report every two seconds. A step is not tried again elsewhere: the run is to end.
SETTINGS = {"FLOWS__AGENTS__LOST_AFTER": "10", "FLOWS__RUN__RETRIES": "0"}
ENDS_WITHIN = 60.0

Json = dict[str, Any]


@pytest.fixture(scope="module")
def mortals(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Agent]]:
    folder = tmp_path_factory.mktemp("mortals")
    with (
        running_agent(fleet.backend, fleet.python, folder, "first", QUEUE) as first,
        running_agent(fleet.backend, fleet.python, folder, "second", QUEUE) as second,
    ):
        yield [first, second]


@pytest.fixture(scope="module")
def killed_controller(fleet: Fleet, mortals: list[Agent]) -> Running:
    """A run, at its end, whose controller was killed in features."""
    running = Running(fleet.place, fleet.api, "features", "--queue", QUEUE, **SETTINGS)
    running.controller.kill()
    return ended(running, 1)


@pytest.fixture(scope="module")
def killed_worker(fleet: Fleet, mortals: list[Agent], killed_controller: Running) -> Running:
    """What resumed it, at its end. The backend was killed in version_dataset, and in train_sweep its worker."""
    running = Running(fleet.place, fleet.api, "version_dataset", resume=killed_controller.run_id, **SETTINGS)
    backend = launcher.status(fleet.place.folder / ".flows")
    assert backend.pid
    os.kill(backend.pid, signal.SIGKILL)
    running.wait(lambda: launcher.status(fleet.place.folder / ".flows").running, "the backend is up again")
    sweep = running.wait_for_step("train_sweep")
    running.wait(lambda: bool(fleet.task(sweep).get("last_worker")), "a worker says that it runs it")
    running.wait(lambda: bool(children(fleet, sweep)), "an experiment runs")
    next(agent for agent in mortals if agent.worker_id == fleet.task(sweep)["last_worker"]).kill()
    return ended(running, 1)


@pytest.fixture(scope="module")
def completed(fleet: Fleet, killed_worker: Running) -> Json:
    """The document of what resumed that one, and completed."""
    resume = ["-m", "ops.cli", "runs", "resume", killed_worker.run_id[:12], "--json"]
    done = fleet.place.python(*resume, timeout=300, **SETTINGS)
    assert done.exit_code == 0, done.stderr
    return done.document


def ended(running: Running, code: int) -> Running:
    found, running.stdout, running.stderr = running.end(ENDS_WITHIN)
    assert found == code, running.stderr
    assert ending.unfinished(running.api, running.run_id) == []
    return running


def children(fleet: Fleet, task: str) -> list[str]:
    found = fleet.api.call("tasks.get_all", parent=[task], only_fields=["id"], search_hidden=True)
    return [one["id"] for one in found["tasks"]]


def test_a_killed_controller_fails_the_run_and_frees_its_worker(fleet: Fleet, killed_controller: Running) -> None:
    document = json.loads(killed_controller.stdout)
    assert document["status"] == "failed"
    assert "the controller's process ended with code -9" in document["error"]
    assert fleet.task(killed_controller.task("features"))["status"] == "failed"


def test_a_lost_worker_fails_the_run_and_is_named(fleet: Fleet, killed_worker: Running) -> None:
    sweep = fleet.task(killed_worker.task("train_sweep"))
    document = json.loads(killed_worker.stdout)
    assert document["status"] == "failed"
    assert f"step train_sweep failed: worker {sweep['last_worker']} was lost" in document["error"]
    assert {fleet.task(task)["status"] for task in children(fleet, sweep["id"])} <= {"failed", "completed"}


def test_what_was_done_is_not_done_again(
    fleet: Fleet, killed_controller: Running, killed_worker: Running, completed: Json
) -> None:
    assert completed["status"] == "completed"
    steps = {step["name"]: step for step in completed["steps"]}
    assert list(steps) == STEPS
    for name in ("download", "validate"):
        assert steps[name]["task_id"] == killed_controller.task(name)
    for name in ("features", "version_dataset"):
        assert steps[name]["task_id"] == killed_worker.task(name)
    assert [name for name in STEPS if steps[name]["cached"]] == STEPS[:4]
    resumed = json.loads(fleet.place.flows("runs", "show", completed["run_id"], "--json").stdout)
    assert resumed["resumes"] == killed_worker.run_id


def test_there_is_one_dataset_version_and_one_model(fleet: Fleet, completed: Json) -> None:
    datasets = fleet.api.call(
        "tasks.get_all", system_tags=["dataset"], only_fields=["id", "status", "tags"], search_hidden=True
    )["tasks"]
    mine = [one for one in datasets if f"sha256:{completed['dataset']['sha256']}" in one["tags"]]
    assert [(one["id"], one["status"]) for one in mine] == [(completed["dataset"]["id"], "completed")]
    models = fleet.api.call("models.get_all", name="^churn$", only_fields=["id", "uri"])["models"]
    assert len([one for one in models if completed["model"]["sha256"] in one["uri"]]) == 1
