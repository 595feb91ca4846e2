"""One flow, three ways to run it: here, its steps on the agents of a queue, its controller on an agent too.

In one file, so that its runs are made once, also when the files are tested at the same time.
"""

import json
import re
import subprocess
from typing import Any

import pytest

from flows import watch
from flows.shards import sweep_of
from tests.agents.conftest import Fleet
from tests.e2e.conftest import Finished
from tests.e2e.test_churn_flow import STEPS


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


@pytest.fixture(params=["queue", "remote"])
def far_run(request: pytest.FixtureRequest) -> Finished:
    run: Finished = request.getfixturevalue(f"{request.param}_run")
    return run


def test_a_run_on_agents_completes_like_any_other(far_run: Finished, local_run: Finished) -> None:
    assert far_run.exit_code == local_run.exit_code == 0, far_run.stderr
    document = far_run.document
    assert document["status"] == "completed"
    assert document.keys() == local_run.document.keys()
    assert [step["name"] for step in document["steps"]] == STEPS
    assert {step["status"] for step in document["steps"]} == {"completed"}
    for name in STEPS:
        assert re.search(rf"s  {name}: completed", far_run.stderr), far_run.stderr


def test_it_has_the_dataset_winner_and_metrics_of_the_local_run(
    far_run: Finished, local_run: Finished, customers: str
) -> None:
    if customers == "synthetic":
        pytest.skip("the real Telco CSV is not there: FLOWS_TEST_DATA can name its folder")
    far, local = far_run.document, local_run.document
    assert far["dataset"]["rows"] == 7043
    assert far["dataset"]["sha256"] == local["dataset"]["sha256"]
    for key in ("name", "metrics"):
        assert far["experiments"]["best"][key] == local["experiments"]["best"][key]
    assert far["model"]["sha256"] == local["model"]["sha256"]
    for key in ("metrics", "threshold"):
        assert far["evaluation"][key] == local["evaluation"][key]


def test_its_steps_ran_on_the_workers(fleet: Fleet, far_run: Finished) -> None:
    ids = [step["task_id"] for step in far_run.document["steps"] if not step["cached"]]
    assert len(ids) == len(STEPS)
    workers = {fleet.task(task_id)["last_worker"] for task_id in ids}
    assert workers <= {worker.worker_id for worker in fleet.workers}


def test_the_controller_ran_where_it_should(fleet: Fleet, queue_run: Finished, remote_run: Finished) -> None:
    assert not fleet.task(queue_run.document["run_id"]).get("last_worker")
    assert fleet.task(remote_run.document["run_id"])["last_worker"].startswith(fleet.services.worker_id)


def test_a_run_tells_code_commit_and_local_changes_and_asks_no_agent_for_the_repository(
    fleet: Fleet, local_run: Finished
) -> None:
    task = fleet.task(local_run.document["run_id"])
    assert not task["script"]["repository"]
    assert "configuration object `code`" in task["script"]["diff"]
    assert {"code"} <= set(task["configuration"])


def test_each_step_asks_for_exact_releases(fleet: Fleet, local_run: Finished) -> None:
    for step in local_run.document["steps"]:
        wanted = fleet.task(step["task_id"])["script"]["requirements"]["pip"].split()
        assert wanted
        assert all("==" in package for package in wanted), wanted


def test_edited_parameters_of_a_cloned_run_win(fleet: Fleet, local_run: Finished) -> None:
    clone = fleet.enqueue_clone(local_run.document["run_id"], "services", Args__customer_value="1234")
    assert fleet.wait_for(clone) == "completed"
    evaluate = fleet.task(watch.read(fleet.api, clone).step("evaluate").task_id)
    assert evaluate["hyperparams"]["kwargs"]["customer_value"]["value"] == "1234.0"
    assert evaluate["last_worker"] in {worker.worker_id for worker in fleet.workers}


def test_a_single_step_cloned_and_edited_runs_alone(fleet: Fleet, local_run: Finished) -> None:
    (features,) = [step["task_id"] for step in local_run.document["steps"] if step["name"] == "features"]
    clone = fleet.enqueue_clone(features, "default", kwargs__test_size="0.5")
    assert fleet.wait_for(clone) == "completed"
    split = json.loads(fleet.task(clone)["hyperparams"]["return"]["split"]["value"])
    assert abs(split["train"]["rows"] - split["test"]["rows"]) <= 1


def test_a_sweep_in_two_parts_works_on_both_workers_and_has_the_leaderboard_of_the_local_one(
    fleet: Fleet, local_run: Finished, customers: str
) -> None:
    run = fleet.place.flow(*("--source", customers, "--json", "--queue", "default", "--set", "sweep.shards=2"))
    assert run.exit_code == 0, run.stderr
    parts = [step for step in run.document["steps"] if step["name"].startswith("train_sweep")]
    assert [step["name"] for step in parts] == ["train_sweep", "train_sweep_1"]
    tasks = [fleet.task(step["task_id"]) for step in parts]
    assert {task["last_worker"] for task in tasks} == {worker.worker_id for worker in fleet.workers}
    assert max(task["started"] for task in tasks) < min(task["completed"] for task in tasks)
    assert leaderboard(fleet, run) == leaderboard(fleet, local_run)


def leaderboard(fleet: Fleet, run: Finished) -> dict[str, Any]:
    """The run's sweep, without what differs from run to run: the ids of Tasks."""
    sweep = sweep_of(watch.read(fleet.api, run.document["run_id"]))
    names = {entry.pop("task_id"): entry["name"] for entry in sweep["experiments"]}
    return {**sweep, "best": names[sweep["best"]]}
