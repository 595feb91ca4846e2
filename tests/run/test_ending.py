"""What died in a run is found and marked, and what lives is let alone."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.run import ending
from tests.support.agents import backend_api, wait_until
from tests.support.backend import running_backend

LOST_AFTER = 30.0


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_backend(tmp_path_factory.mktemp("ending") / "data") as backend:
        api = backend_api(backend)
        yield api
        api.close()


class Clock:
    """The backend, some seconds later."""

    def __init__(self, api: Api, seconds: float) -> None:
        self.call, self.later = api.call, timedelta(seconds=seconds)
        self.told = api.now

    def now(self) -> Any:
        return self.told() + self.later


def make(api: Api, name: str, parent: str = "", started: bool = True) -> str:
    task = str(api.call("tasks.create", name=name, type="custom", **({"parent": parent} if parent else {}))["id"])
    if started:
        api.call("tasks.started", task=task)
    return task


def report(api: Api, worker: str, task: str) -> None:
    api.call("workers.status_report", worker=worker, timestamp=0, task=task)


def status(api: Api, *tasks: str) -> list[str]:
    return [api.call("tasks.get_by_id", task=task)["task"]["status"] for task in tasks]


def note_process(api: Api, task: str, mark: str) -> None:
    item = {"section": "properties", "name": ending.PROCESS, "value": mark}
    api.call("tasks.edit_hyper_params", task=task, hyperparams=[item], force=True)


@pytest.fixture
def run(api: Api) -> dict[str, str]:
    """A run with a step on a worker, which has an experiment under way, and a step that waits."""
    controller = make(api, "controller")
    note_process(api, controller, ending.process_mark())
    step = make(api, "step", controller)
    report(api, "one:0", step)
    waiting = make(api, "waiting", controller, started=False)
    api.call("tasks.enqueue", task=waiting, queue_name="default")
    return {
        "controller": controller,
        "step": step,
        "experiment": make(api, "experiment", step),
        "waiting": waiting,
    }


def settle(api: Api, run: dict[str, str], seconds: float) -> list[ending.Lost]:
    return ending.settle(Clock(api, seconds), run["controller"], LOST_AFTER)  # type: ignore[arg-type]  # as Api is used


def test_what_lives_is_let_alone(api: Api, run: dict[str, str]) -> None:
    assert settle(api, run, LOST_AFTER - 10) == []
    assert status(api, *run.values()) == ["in_progress", "in_progress", "in_progress", "queued"]


def test_a_step_whose_worker_is_silent_has_failed_with_what_it_started(api: Api, run: dict[str, str]) -> None:
    [lost] = settle(api, run, LOST_AFTER + 10)
    assert lost.task == run["step"]
    assert lost.why.startswith("worker one:0 was lost: it has not reported for ")
    assert status(api, *run.values()) == ["in_progress", "failed", "failed", "queued"]
    assert api.call("tasks.get_by_id", task=run["step"])["task"]["status_message"] == lost.why


def test_a_step_that_is_tried_again_is_not_judged_by_the_worker_before(api: Api, run: dict[str, str]) -> None:
    reported = api.call("tasks.get_by_id", task=run["step"])["task"]["last_worker_report"]
    age = datetime.fromisoformat(reported)
    wait_until(lambda: (datetime.now(UTC) - age).total_seconds() > 4, "its report is older than what is allowed")
    api.call("tasks.failed", task=run["step"])
    api.call("tasks.started", task=run["step"], force=True)
    assert ending.settle(api, run["controller"], 3) == []
    assert status(api, run["step"]) == ["in_progress"]


def test_the_worker_of_a_remote_controller_takes_all_of_it_down(api: Api, run: dict[str, str]) -> None:
    report(api, "services:0", run["controller"])
    [lost] = settle(api, run, LOST_AFTER + 10)
    assert lost.task == run["controller"]
    assert lost.why.startswith("worker services:0 was lost")
    assert set(status(api, *run.values())) == {"failed"}
    queue = api.call("queues.get_all", name="^default$")["queues"][0]
    assert run["waiting"] not in [entry["task"] for entry in queue["entries"]]


def test_a_controller_whose_process_is_gone_is_lost_at_once(api: Api, run: dict[str, str]) -> None:
    code = "from clearml_flows.run.ending import process_mark; print(process_mark())"
    root = Path(__file__).parents[2]
    gone = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    note_process(api, run["controller"], gone.strip())
    [lost] = settle(api, run, 0)
    assert (lost.task, lost.why.endswith("was lost")) == (run["controller"], True)
    assert set(status(api, *run.values())) == {"failed"}


def test_a_controller_that_ends_as_it_should_while_it_is_looked_at_is_not_lost(
    api: Api, run: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_process: str) -> bool:
        api.call("tasks.completed", task=run["controller"], force=True)
        return False

    monkeypatch.setattr(ending, "_lives", ends)
    assert settle(api, run, 0) == []
    assert status(api, run["controller"], run["experiment"]) == ["completed", "in_progress"]


@pytest.mark.parametrize(("seconds", "lost"), [(ending.PING_SECONDS - 20, 0), (ending.PING_SECONDS + 20, 1)])
def test_a_controller_elsewhere_is_known_by_its_pings(api: Api, run: dict[str, str], seconds: float, lost: int) -> None:
    note_process(api, run["controller"], "elsewhere 1 1.0")
    report(api, "one:0", run["step"])
    found = settle(api, run, seconds)
    assert len([one for one in found if one.task == run["controller"]]) == lost


def test_what_outlived_its_run_is_ended(api: Api, run: dict[str, str]) -> None:
    api.call("tasks.failed", task=run["controller"])
    assert settle(api, run, 0) == []
    assert set(status(api, *run.values())) == {"failed"}


def test_what_was_cloned_from_a_run_after_its_end_is_not_its_own(api: Api, run: dict[str, str]) -> None:
    assert sorted(ending.unfinished(api, run["controller"])) == sorted(run.values())
    api.call("tasks.completed", task=run["controller"], force=True)
    clone = make(api, "a clone", run["step"])
    assert clone not in ending.unfinished(api, run["controller"])


def test_stop_marks_all_of_a_run(api: Api, run: dict[str, str]) -> None:
    assert sorted(ending.stop(api, run["controller"], "enough")) == sorted(run.values())
    assert set(status(api, *run.values())) == {"stopped"}
    assert ending.stop(api, run["controller"], "enough") == []
