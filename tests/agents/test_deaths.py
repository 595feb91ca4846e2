"""What dies in the middle of a run, one after the other in the life of one: its controller, the backend, a worker.

Each time the run ends by itself, and what resumes it does nothing twice.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from clearml_flows.localserver import launcher
from clearml_flows.run import ending
from tests.agents.conftest import COMPLETED, Fleet
from tests.e2e.test_churn_flow import STEPS
from tests.support.agents import Agent, running_agent
from tests.support.running import Running

QUEUE = "mortals"
# Their agents report every two seconds. A step is not tried again elsewhere: the run is to end.
# Rows of its own: steps of another test's run on this backend would be taken from the cache, and not be cut into.
SETTINGS = {"FLOWS__AGENTS__LOST_AFTER": "10", "FLOWS__RUN__RETRIES": "0", "FLOWS__DATA__ROWS": "640"}
ENDS_WITHIN = 60.0


@pytest.fixture(scope="module")
def mortals(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Agent]]:
    folder = tmp_path_factory.mktemp("mortals")
    with ExitStack() as stack:
        names = ("first", "second", "third")
        yield [stack.enter_context(running_agent(fleet.backend, fleet.python, folder, name, QUEUE)) for name in names]


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
    running.wait_for_step("train_sweep")
    kill_its_worker(fleet, mortals, running)
    return ended(running, 1)


@pytest.fixture(scope="module")
def completed(fleet: Fleet, mortals: list[Agent], killed_worker: Running) -> Running:
    """What resumed that one, and completed, though its worker was killed too: a step may be tried again elsewhere."""
    again = {**SETTINGS, "FLOWS__RUN__RETRIES": "1", "FLOWS__RUN__RETRY_WAIT": "0.5"}
    running = Running(fleet.place, fleet.api, "train_sweep", resume=killed_worker.run_id[:12], **again)
    kill_its_worker(fleet, mortals, running)
    return ended(running, *COMPLETED, seconds=300)


def kill_its_worker(fleet: Fleet, mortals: list[Agent], running: Running) -> None:
    """Kill the agent that runs the sweep, when an experiment is under way."""
    sweep, alive = running.task("train_sweep"), {agent.worker_id: agent for agent in mortals}
    before = len(children(fleet, sweep))
    running.wait(lambda: fleet.task(sweep).get("last_worker") in alive, "a worker says that it runs it")
    running.wait(lambda: len(children(fleet, sweep)) > before, "an experiment runs")
    mortals.remove(lost := alive[fleet.task(sweep)["last_worker"]])
    lost.kill()


def ended(running: Running, *codes: int, seconds: float = ENDS_WITHIN) -> Running:
    found, running.stdout, running.stderr = running.end(seconds)
    assert found in codes, running.stderr
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
    fleet: Fleet, killed_controller: Running, killed_worker: Running, completed: Running
) -> None:
    document = json.loads(completed.stdout)
    assert document["status"] == "completed"
    steps = {step["name"]: step for step in document["steps"]}
    assert list(steps) == STEPS
    for name in ("download", "validate"):
        assert steps[name]["task_id"] == killed_controller.task(name)
    for name in ("features", "version_dataset"):
        assert steps[name]["task_id"] == killed_worker.task(name)
    assert [name for name in STEPS if steps[name]["cached"]] == STEPS[:4]
    resumed = json.loads(fleet.place.flows("runs", "show", document["run_id"], "--json").stdout)
    assert resumed["resumes"] == killed_worker.run_id


def test_a_lost_step_was_tried_again_elsewhere(
    fleet: Fleet, mortals: list[Agent], killed_worker: Running, completed: Running
) -> None:
    sweep = fleet.task(completed.task("train_sweep"))
    assert [agent.worker_id for agent in mortals] == [sweep["last_worker"]]
    experiments = [fleet.task(task)["status"] for task in children(fleet, sweep["id"])]
    assert experiments.count("completed") == json.loads(completed.stdout)["experiments"]["count"]
    assert set(experiments) <= {"completed", "failed"}


def test_there_is_one_dataset_version_and_one_model(fleet: Fleet, completed: Running) -> None:
    document = json.loads(completed.stdout)
    datasets = fleet.api.call(
        "tasks.get_all", system_tags=["dataset"], only_fields=["id", "status", "tags"], search_hidden=True
    )["tasks"]
    mine = [one for one in datasets if f"sha256:{document['dataset']['sha256']}" in one["tags"]]
    assert [(one["id"], one["status"]) for one in mine] == [(document["dataset"]["id"], "completed")]
    models = fleet.api.call("models.get_all", name="^churn$", only_fields=["id", "uri"])["models"]
    assert len([one for one in models if document["model"]["sha256"] in one["uri"]]) == 1
