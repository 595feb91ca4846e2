"""A run with its controller on an agent, on the real customers: that agent is killed, what resumes it is stopped."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clearml_flows.run import ending
from tests.agents.conftest import Fleet
from tests.e2e.test_churn_flow import STEPS
from tests.support.agents import Agent, running_agent, wait_until
from tests.support.running import Running

Json = dict[str, Any]
# The agents of the fleet report every two seconds.
SETTINGS = {"FLOWS__AGENTS__LOST_AFTER": "15"}


@pytest.fixture(scope="module")
def mortal(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("mortal")
    with running_agent(fleet.backend, fleet.python, folder, "mortal", "mortal-services", services=True) as agent:
        yield agent


@pytest.fixture(scope="module")
def killed(fleet: Fleet, customers: str, mortal: Agent) -> Running:
    """A run, at its end, whose controller's agent was killed in features."""
    options = ["--source", customers, "--remote", "--set", "queues.services=mortal-services"]
    running = Running(fleet.place, fleet.api, "features", *options, **SETTINGS)
    wait_until(lambda: bool(fleet.task(running.run_id).get("last_worker")), "the controller's agent has reported")
    mortal.kill()
    return ended(running, 1)


@pytest.fixture(scope="module")
def stopped(fleet: Fleet, killed: Running) -> Running:
    """What resumed it, at its end: it was stopped in version_dataset."""
    running = Running(fleet.place, fleet.api, "version_dataset", resume=killed.run_id, **SETTINGS)
    done = fleet.place.flows("runs", "stop", running.run_id, "--json")
    assert done.document["stopped"] >= 2
    return ended(running, 1)


def ended(running: Running, code: int) -> Running:
    found, running.stdout, running.stderr = running.end(120)
    assert found == code, running.stderr
    assert ending.unfinished(running.api, running.run_id) == []
    return running


def test_a_lost_controller_is_found_and_ends_the_run(fleet: Fleet, mortal: Agent, killed: Running) -> None:
    document = json.loads(killed.stdout)
    assert document["status"] == "failed"
    told = fleet.task(killed.run_id)["status_message"]
    assert told.startswith(f"worker {mortal.worker_id}:service:{killed.run_id} was lost")
    # Its step ran on, on another agent, and may have been done before the loss was found.
    assert fleet.task(killed.task("features"))["status"] in ("failed", "completed")


def test_stop_ends_a_run_on_agents_and_what_they_run(fleet: Fleet, stopped: Running) -> None:
    assert json.loads(stopped.stdout)["status"] == "stopped"
    assert fleet.task(stopped.run_id)["status"] == "stopped"
    step = stopped.task("version_dataset")
    assert fleet.task(step)["status"] == "stopped"
    wait_until(lambda: not any(agent.family() for agent in fleet.workers), "the workers are idle again")


def test_what_was_done_is_not_done_again(fleet: Fleet, killed: Running, stopped: Running) -> None:
    resume = ["-m", "clearml_flows", "runs", "resume", stopped.run_id, "--json"]
    done = fleet.place.python(*resume, timeout=600, **SETTINGS)
    assert done.exit_code == 0, done.stderr
    steps = {step["name"]: step for step in done.document["steps"]}
    assert list(steps) == STEPS
    assert [name for name in STEPS if steps[name]["cached"]][:3] == STEPS[:3]
    assert steps["download"]["task_id"] == killed.task("download")
    assert steps["features"]["task_id"] == stopped.task("features")
    run = fleet.task(done.document["run_id"])
    assert run["last_worker"].startswith(fleet.services.worker_id)
    versions = fleet.api.call("tasks.get_all", system_tags=["dataset"], only_fields=["tags"], search_hidden=True)
    sha256 = f"sha256:{done.document['dataset']['sha256']}"
    assert len([one for one in versions["tasks"] if sha256 in one["tags"]]) == 1
