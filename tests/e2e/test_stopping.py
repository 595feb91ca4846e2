"""A run that is cut off leaves no process behind and nothing marked as running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows import watch
from flows.api import Api
from flows.backend import connect
from flows.settings import load
from localserver import launcher
from tests.e2e.conftest import ROOT, SMALL, Place, make_place


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


class Running:
    """A launcher in the middle of a step, found by the backend's records."""

    def __init__(self, place: Place, api: Api) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "flows" / "churn_flow.py"), "--source", "synthetic", "--json", "--no-cache"],
            env=place.environment,
            cwd=place.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.api = api
        self.run_id = self._wait_for_step("validate")
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def _wait_for_step(self, name: str) -> str:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            for run_id in self._runs_in_progress():
                if watch.read(self.api, run_id).step(name).status == "in_progress":
                    return run_id
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        raise AssertionError(f"{name} did not start in time")

    def _runs_in_progress(self) -> list[str]:
        found = self.api.call("tasks.get_all", type=["controller"], status=["in_progress"], search_hidden=True)
        return [task["id"] for task in found["tasks"]]

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        stdout, stderr = self.process.communicate(timeout=timeout)
        return self.process.returncode, stdout, stderr


def nothing_is_left(running: Running) -> None:
    gone, alive = psutil.wait_procs(running.family, timeout=10)
    assert gone
    assert not alive
    assert watch.running_tasks(running.api, running.run_id) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_marked_stopped(busy_place: Place, api: Api, number: signal.Signals) -> None:
    running = Running(busy_place, api)
    running.process.send_signal(number)
    code, stdout, stderr = running.end()
    assert code == 1
    assert stdout == ""
    assert "error: churn was interrupted" in stderr
    nothing_is_left(running)
    run = watch.read(api, running.run_id)
    assert run.status == "stopped"
    assert run.step("validate").status == "stopped"


def test_a_killed_controller_fails_the_run(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api)
    controller = next(process for process in running.family if process.ppid() == running.process.pid)
    os.kill(controller.pid, signal.SIGKILL)
    code, stdout, stderr = running.end()
    assert code == 1
    document = json.loads(stdout)
    assert document["status"] == "failed"
    assert "the controller's process ended with code -9" in document["error"]
    assert "the controller's process ended with code -9" in stderr
    nothing_is_left(running)


def test_a_killed_step_fails_the_run_and_is_named(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api)
    step = next(process for process in running.family if process.ppid() != running.process.pid)
    os.kill(step.pid, signal.SIGKILL)
    code, stdout, _stderr = running.end()
    assert code == 1
    document = json.loads(stdout)
    assert document["status"] == "failed"
    assert document["error"].startswith("step validate failed")
    assert Path(document["error"].rpartition("(log: ")[2].removesuffix(")")).is_file()
    nothing_is_left(running)


def test_a_killed_backend_is_started_again_and_the_run_completes(busy_place: Place, api: Api) -> None:
    running = Running(busy_place, api)
    before = launcher.status(busy_place.folder / ".flows")
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    code, stdout, stderr = running.end(timeout=240)
    assert code == 0, stderr
    assert json.loads(stdout)["status"] == "completed"
    after = launcher.status(busy_place.folder / ".flows")
    assert (after.api_url, after.running) == (before.api_url, True)
    assert after.pid != before.pid
