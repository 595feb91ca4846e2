"""What a real backend tells of scheduled runs."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.errors import Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.run import ending
from clearml_flows.schedule.tasks import Tasks
from clearml_flows.settings import Settings, load
from tests.schedule.conftest import START, Scheduler

ROOT = Path(__file__).parents[2]
GONE = f"{socket.gethostname()} {psutil.Process().pid} 1.0"  # an id that was used again


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("tasks")
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWS_SETTINGS", str(folder / "settings.toml"))
        yield load()
        launcher.down(folder / ".flows")


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[Api]:
    api = connect(settings).api
    yield api
    api.close()


@pytest.fixture
def with_backend(scheduler: Scheduler, settings: Settings) -> Scheduler:
    scheduler.engine.backend = Tasks(settings)
    return scheduler


def controller(api: Api, key: str, process: str) -> str:
    task = str(api.call("tasks.create", name="churn", type="controller", tags=["scheduled", key])["id"])
    api.call("tasks.started", task=task)
    mark = {"section": "properties", "name": ending.PROCESS, "value": process}
    api.call("tasks.edit_hyper_params", task=task, hyperparams=[mark], force=True)
    return task


def status(api: Api, task: str) -> str:
    return str(api.call("tasks.get_by_id", task=task)["task"]["status"])


def test_a_run_whose_process_lives_keeps_the_next_from_starting(with_backend: Scheduler, api: Api) -> None:
    hourly = with_backend.add()
    task = controller(api, f"{hourly.id}@2026-11-23T07:00:00Z", ending.process_mark())
    with_backend.now = START.replace(hour=9)
    assert with_backend.tick() == []
    assert with_backend.states(hourly) == [("09:00", "skipped", 1)]
    assert task in with_backend.store.runs(hourly, 1)[0].why
    api.call("tasks.completed", task=task, force=True)
    with_backend.now = START.replace(hour=10)
    assert with_backend.tick() == ["10:00"]


def test_an_orphan_is_marked_failed_and_keeps_nobody(with_backend: Scheduler, api: Api) -> None:
    hourly = with_backend.add()
    orphan = controller(api, f"{hourly.id}@2026-11-23T07:00:00Z", GONE)
    with_backend.now = START.replace(hour=9)
    assert with_backend.tick() == ["09:00"]
    assert status(api, orphan) == "failed"


def test_a_run_is_replaced_with_all_that_it_started(with_backend: Scheduler, api: Api) -> None:
    hourly = with_backend.add(overlap="replace")
    task = controller(api, f"{hourly.id}@2026-11-23T07:00:00Z", ending.process_mark())
    step = str(api.call("tasks.create", name="step", type="training", parent=task)["id"])
    with_backend.now = START.replace(hour=9)
    assert with_backend.tick() == []
    assert [status(api, task), status(api, step)] == ["stopped", "stopped"]
    assert with_backend.tick() == ["09:00"]


def test_a_run_is_found_by_its_key(settings: Settings, api: Api) -> None:
    task = controller(api, "0123456789ab@2026-11-23T07:00:00Z", ending.process_mark())
    tasks = Tasks(settings)
    found = tasks.find("0123456789ab@2026-11-23T07:00:00Z")
    assert found
    assert (found.id, found.status, found.runs) == (task, "in_progress", True)
    assert found.silent.total_seconds() < 60
    assert tasks.find("0123456789ab@2026-11-23T08:00:00Z") is None


def test_a_backend_that_does_not_answer_is_not_asked_at_each_tick(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("CLEARML_API_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("CLEARML_API_ACCESS_KEY", "key")
    monkeypatch.setenv("CLEARML_API_SECRET_KEY", "secret")
    tasks = Tasks(settings)
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        tasks.running()
    monkeypatch.delenv("CLEARML_API_HOST")
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        tasks.find("key")
