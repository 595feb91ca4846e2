"""A run that is cut off leaves no process behind and nothing marked as running."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.localserver import launcher
from clearml_flows.run import ending, snapshot
from clearml_flows.settings import load
from tests.e2e.conftest import SMALL, Place, make_place
from tests.support.running import Running


@pytest.fixture(scope="module")
def busy_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = make_place(
        tmp_path_factory.mktemp("busy") / "project", FLOWS__DATA__ROWS="600", FLOWS__CHURN__EXPERIMENTS=SMALL
    )
    yield place
    place.flows("server", "down")


@pytest.fixture
def api(busy_place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("FLOWS_SETTINGS", str(busy_place.folder / "settings.toml"))
    backend = connect(load())
    yield backend.api
    backend.api.close()


def nothing_is_left(running: Running) -> None:
    gone, alive = psutil.wait_procs(running.family, timeout=10)
    assert gone
    assert not alive
    assert ending.unfinished(running.api, running.run_id) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_marked_stopped(busy_place: Place, api: Api, number: signal.Signals) -> None:
    running = Running(busy_place, api, "validate", "--no-cache")
    running.process.send_signal(number)
    code, stdout, stderr = running.end()
    assert code == 1
    assert stdout == ""
    assert "error: churn was interrupted" in stderr
    nothing_is_left(running)
    run = snapshot.read(api, running.run_id)
    assert run.status == "stopped"
    assert run.step("validate").status == "stopped"


def test_a_killed_controller_fails_the_run(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api, "validate", "--no-cache")
    running.controller.kill()
    code, stdout, stderr = running.end()
    assert code == 1
    document = json.loads(stdout)
    assert document["status"] == "failed"
    assert "the controller's process ended with code -9" in document["error"]
    assert "the controller's process ended with code -9" in stderr
    nothing_is_left(running)


def test_a_killed_step_fails_the_run_and_is_named(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api, "validate", "--no-cache")
    running.step.kill()
    code, stdout, _stderr = running.end()
    assert code == 1
    document = json.loads(stdout)
    assert document["status"] == "failed"
    assert document["error"].startswith("step validate failed")
    assert Path(document["error"].rpartition("(log: ")[2].removesuffix(")")).is_file()
    nothing_is_left(running)


def test_a_killed_backend_is_started_again_and_the_run_completes(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api, "validate", "--no-cache")
    before = launcher.status(busy_place.folder / ".flows")
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    code, stdout, stderr = running.end(timeout=240)
    assert code == 0, stderr
    assert json.loads(stdout)["status"] == "completed"
    after = launcher.status(busy_place.folder / ".flows")
    assert (after.api_url, after.running) == (before.api_url, True)
    assert after.pid != before.pid


def test_a_killed_sweep_leaves_no_experiment_running(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api, "train_sweep", "--no-cache")
    sweep = running.task("train_sweep")
    running.wait(lambda: bool(experiments(api, sweep, ["in_progress"])), "an experiment runs")
    running.step.kill()
    code, stdout, _stderr = running.end()
    assert code == 1
    assert json.loads(stdout)["error"].startswith("step train_sweep failed")
    assert experiments(api, sweep, ["stopped"])
    nothing_is_left(running)


def experiments(api: Api, sweep: str, status: list[str]) -> list[str]:
    found = api.call("tasks.get_all", parent=[sweep], status=status, only_fields=["id"], search_hidden=True)
    return [task["id"] for task in found["tasks"]]
