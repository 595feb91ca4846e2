"""One flow, three ways to run it: here, its steps on the agents of a queue, its controller on an agent too.

In one file, so that its runs are made once, also when the files are tested at the same time.
"""

import json
import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.run import snapshot
from clearml_flows.run.shards import sweep_of
from clearml_flows.tabular.artifacts import dump_ref
from tests.agents.conftest import PATIENCE, Fleet
from tests.e2e.conftest import ROOT, Finished
from tests.e2e.test_churn_flow import STEPS


def test_the_workers_have_nothing_of_ours(fleet: Fleet) -> None:
    for package in ("clearml_flows", "components", "flows"):
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


@pytest.fixture(params=["reachable", "unreachable"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A git checkout of the code with a changed and a new file, and a remote that an agent can clone, or cannot."""
    folder = tmp_path / "checkout"
    for package in ("clearml_flows", "components", "flows"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    origin = str(tmp_path / "origin.git") if request.param == "reachable" else "https://user:token@repository.invalid/x"
    git(tmp_path, "init", "-q", "--bare", "origin.git")
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "all")
    git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(folder, "push", "-q", "origin", "trunk")
    git(folder, "remote", "set-url", "origin", origin)
    download = folder / "components" / "download.py"
    said = '    print(f"raw data: {raw'
    download.write_text(download.read_text("utf-8").replace(said, f"    print('changed here')\n{said}"), "utf-8")
    (folder / "flows" / "untracked.py").write_text("print('untracked, but here')\n", "utf-8")
    flow = folder / "flows" / "churn_flow.py"
    flow.write_text(flow.read_text("utf-8") + "\n    import flows.untracked\n", "utf-8")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def console(fleet: Fleet, task_id: str) -> str:
    events = fleet.api.call("events.get_task_log", task=task_id, batch_size=1000)["events"]
    return "".join(event["msg"] for event in events)


def test_the_code_runs_as_it_is_here_whether_an_agent_reaches_its_repository_or_not(
    fleet: Fleet, local_run: Finished, customers: str, checkout: Path
) -> None:
    flow, path = str(checkout / "flows" / "churn_flow.py"), f"{checkout}{os.pathsep}{ROOT}"
    run = fleet.place.python(flow, "--source", customers, "--json", "--remote", timeout=PATIENCE, PYTHONPATH=path)
    assert run.exit_code == 0, run.stderr
    task = fleet.task(run.document["run_id"])
    assert "untracked, but here" in console(fleet, task["id"])
    assert "changed here" in console(fleet, run.document["steps"][0]["task_id"])
    assert (task["script"]["repository"], task["script"]["version_num"]) == ("", git(checkout, "rev-parse", "HEAD"))
    recorded = task["configuration"]["git"]["value"]
    assert f"commit: {task['script']['version_num']}" in recorded
    assert "branch: trunk" in recorded
    assert "+    print('changed here')" in recorded
    assert "token" not in recorded


def test_run_and_steps_ask_for_exact_releases(fleet: Fleet, local_run: Finished) -> None:
    steps = [step["task_id"] for step in local_run.document["steps"]]
    for task_id in (local_run.document["run_id"], *steps):
        wanted = fleet.task(task_id)["script"]["requirements"]["pip"].split()
        assert f"clearml=={version('clearml')}" in wanted
        assert all("==" in package for package in wanted), wanted
        assert not any(package.startswith("clearml-flows") for package in wanted), wanted


def test_edited_parameters_of_a_cloned_run_win(fleet: Fleet, local_run: Finished) -> None:
    clone = fleet.enqueue_clone(local_run.document["run_id"], "services", business__customer_value="1234")
    assert fleet.wait_for(clone) == "completed"
    evaluate = fleet.task(snapshot.read(fleet.api, clone).step("evaluate").task_id)
    assert evaluate["hyperparams"]["kwargs"]["customer_value"]["value"] == "1234.0"
    assert evaluate["last_worker"] in {worker.worker_id for worker in fleet.workers}


def test_a_single_step_cloned_and_edited_runs_alone(fleet: Fleet, local_run: Finished) -> None:
    (features,) = [step["task_id"] for step in local_run.document["steps"] if step["name"] == "features"]
    clone = fleet.enqueue_clone(features, "default", kwargs__test_size="0.5")
    assert fleet.wait_for(clone) == "completed"
    split = json.loads(fleet.task(clone)["hyperparams"]["return"]["split"]["value"])
    assert abs(split["train"]["rows"] - split["test"]["rows"]) <= 1


def test_the_second_flow_runs_on_agents_by_the_same_commands(fleet: Fleet) -> None:
    few = json.dumps([{"name": "ridge", "family": "Ridge"}, {"name": "tree", "family": "DecisionTree"}])
    options = ("--source", "synthetic", "--json", "--no-progress", "--no-cache")
    local, far = (
        fleet.place.flow(*options, *more, name="wine", timeout=PATIENCE, FLOWS__WINE__EXPERIMENTS=few)
        for more in ((), ("--remote",))
    )
    assert local.exit_code == far.exit_code == 0, far.stderr
    assert far.document["dataset"]["sha256"] == local.document["dataset"]["sha256"]
    assert far.document["model"]["sha256"] == local.document["model"]["sha256"]
    assert far.document["evaluation"]["metrics"] == local.document["evaluation"]["metrics"]


def test_a_sweep_in_two_parts_works_on_both_workers_and_has_the_leaderboard_of_the_local_one(
    fleet: Fleet, local_run: Finished, customers: str
) -> None:
    run = fleet.place.flow(
        *("--source", customers, "--json", "--queue", "default", "--set", "sweep.shards=2"), timeout=PATIENCE
    )
    assert run.exit_code == 0, run.stderr
    parts = [step for step in run.document["steps"] if step["name"].startswith("train_sweep")]
    assert [step["name"] for step in parts] == ["train_sweep", "train_sweep_1"]
    tasks = [fleet.task(step["task_id"]) for step in parts]
    assert {task["last_worker"] for task in tasks} == {worker.worker_id for worker in fleet.workers}
    assert max(task["started"] for task in tasks) < min(task["completed"] for task in tasks)
    assert leaderboard(fleet, run) == leaderboard(fleet, local_run)


def leaderboard(fleet: Fleet, run: Finished) -> dict[str, Any]:
    """The run's sweep, without what differs from run to run: the ids of Tasks."""
    sweep = sweep_of(snapshot.read(fleet.api, run.document["run_id"]))
    names = {entry.pop("task_id"): entry["name"] for entry in sweep["experiments"]}
    return {**sweep, "best": names[sweep["best"]]}


# What a judgement finds in the registry, and not in the model, depends on when it is made.
OF_THE_MOMENT = ("comparison", "gate", "production", "production_intervals", "promoted", "reason")


def test_a_step_returns_the_same_bytes_as_function_as_script_and_on_an_agent(
    fleet: Fleet, local_run: Finished, queue_run: Finished, tmp_path: Path
) -> None:
    tasks = {step["name"]: fleet.task(step["task_id"]) for step in queue_run.document["steps"]}
    calls = {name: values(task, "kwargs") for name, task in tasks.items()}
    (tmp_path / "calls").write_text(json.dumps(calls), "utf-8")
    plain = fleet.place.python(
        *("-P", str(ROOT / "tests" / "support" / "plain_steps.py"), str(tmp_path / "calls")),
        timeout=PATIENCE,
        CLEARML_CONFIG_FILE=fleet.backend.status.config_file,
    )
    assert plain.exit_code == 0, plain.stderr
    (told,) = re.findall(r"^RETURNED (.*)$", plain.stdout, re.MULTILINE)
    function = {name: lasting(text) for name, text in json.loads(told).items()}
    agent = {name: lasting(returned(task)) for name, task in tasks.items()}
    # A run here starts each step's generated script as a process.
    here = {step["name"]: fleet.task(step["task_id"]) for step in local_run.document["steps"]}
    script = {name: lasting(returned(task)) for name, task in here.items()}
    assert function == script == agent


def values(task: dict[str, Any], section: str) -> dict[str, str]:
    return {name: item["value"] for name, item in task["hyperparams"][section].items()}


def returned(task: dict[str, Any]) -> str:
    """The reference that the step's Task returned."""
    return next(value for name, value in values(task, "return").items() if name != "reused")


def lasting(reference: str) -> str:
    """The reference without the ids of Tasks, datasets and models, which every run has of its own."""
    kept = {name: value for name, value in json.loads(reference).items() if name not in OF_THE_MOMENT}
    return re.sub(r"\b[0-9a-f]{32}\b", "ID", dump_ref(kept))
