"""The scheduler as a Task, without its agent: how it is made, told from another, and ended."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.cli.main import main
from clearml_flows.errors import Locked, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.run import bundle, launch
from clearml_flows.schedule import remote, service, shared
from clearml_flows.schedule.engine import Engine
from clearml_flows.schedule.stores import open_shared
from clearml_flows.settings import load
from tests.test_layers import imports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("service")
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    yield folder
    launcher.down(folder / ".flows")


@pytest.fixture(autouse=True)
def environment(folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("FLOWS_SETTINGS", str(folder / "settings.toml"))
    monkeypatch.setenv("FLOWS__PROJECT__NAME", request.node.name[:60])
    monkeypatch.setenv("FLOWS__SCHEDULE__STORE", "local")  # --remote changes it, for this process


@pytest.fixture
def api() -> Iterator[Api]:
    """With a queue that an agent watches."""
    api = connect(load()).api
    queues = api.call("queues.get_all", name="^services$")["queues"] or [api.call("queues.create", name="services")]
    api.call("workers.register", worker="watcher", queues=[queues[0]["id"]], timeout=600)
    yield api
    api.close()


def flows(*words: str) -> Result:
    return CliRunner().invoke(main, ["schedule", *words])


def told(*words: str) -> Any:
    done = flows(*words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_commands_with_remote_are_about_the_backends_schedules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = told("daily", "12:00", "--remote")
    assert made["name"] == "churn-daily"
    assert [one["name"] for one in told("list", "--remote")] == ["churn-daily"]
    assert told("pause", "churn-daily", "--remote")["state"] == "paused"
    assert told("show", "churn-daily", "--remote")["state"] == "paused"
    waits = told("run-now", "churn-daily", "--remote")
    assert (waits["state"], waits["pid"]) == ("claimed", None)
    assert told("remove", "churn-daily", "--remote")["state"] == "removed"
    assert flows("tick").exit_code == flows("install", "--cron").exit_code == 2
    monkeypatch.setenv("FLOWS__SCHEDULE__STORE", "local")
    assert told("list") == []
    assert "--remote stops the scheduler in the backend" in flows("stop").stderr
    assert "--json need --remote" in flows("start", "--queue", "q").stderr


def test_where_no_agent_would_take_it_it_is_refused(api: Api) -> None:
    done = flows("start", "--remote", "--queue", "servcies")
    assert (done.exit_code, done.stderr.count("\n")) == (5, 1)
    assert "there is no queue 'servcies'" in done.stderr
    assert "did you mean 'services'" in done.stderr


def test_its_task_has_all_that_it_needs_and_there_is_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_SCHEDULE_TYPE", "daily")
    monkeypatch.setenv("PIPELINE_SCHEDULE_TIME", "02:30")
    started = told("start", "--remote")
    assert started["schedules"] == ["environment"]
    task = api.call("tasks.get_by_id", task=started["task"])["task"]
    assert (task["type"], task["status"]) == ("service", "queued")
    packed = zipfile.ZipFile(io.BytesIO(base64.b64decode(task["configuration"]["code"]["value"])))
    assert {remote.ENTRY, "flows/churn_flow.py", "components/evaluate.py", "settings.toml"} <= set(packed.namelist())
    assert f"croniter=={version('croniter')}" in task["script"]["requirements"]["pip"].splitlines()
    compile(task["script"]["diff"], "scheduler.py", "exec")
    again = flows("start", "--remote")
    assert again.exit_code == 4
    assert f"a scheduler is queued already, Task {started['task']}" in again.stderr
    assert told("stop", "--remote") == {"stopped": [started["task"]]}
    assert api.call("tasks.get_by_id", task=started["task"])["task"]["status"] == "stopped"
    assert told("stop", "--remote") == {"stopped": []}


def test_it_imports_nothing_of_ours_but_what_travels(tmp_path: Path) -> None:
    packed = bundle.pack(ROOT / "settings.toml", remote.PACKAGES)
    zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).extractall(tmp_path)
    ours = "[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('flows', 'components', 'clearml_flows')]"
    script = (
        f"import sys, json, clearml_flows.schedule.service, clearml_flows.schedule.child; print(json.dumps({ours}))"
    )
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "FLOWS_SETTINGS": str(tmp_path / "settings.toml")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert {Path(file).is_relative_to(tmp_path) for file in json.loads(done.stdout)} == {True}


def test_it_asks_for_every_package_that_it_imports() -> None:
    folders = ["flows", *(f"clearml_flows{room}" for room in ("", "/backend", "/run", "/schedule"))]
    files = [path for folder in folders for path in (ROOT / folder).glob("*.py")]
    files += [ROOT / "clearml_flows" / "cli" / f"{name}.py" for name in ("progress", "run", "summary")]
    roots = {root for file in files for root in imports(file)}
    owners = packages_distributions()
    needed = {owner.lower().replace("_", "-") for root in roots for owner in owners.get(root, ())}
    assert needed - {"clearml-flows", "pydantic-core"} <= {name.lower() for name in remote.REQUIREMENTS}


def test_of_two_tasks_for_one_run_the_first_is_run(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0123456789ab@2026-11-23T07:00:00Z"
    one, two = (api.call("tasks.create", name="churn", type="controller", tags=[key])["id"] for _ in range(2))
    assert [launch._first_of_its_key(api, task) for task in (one, two)] == [one, two]
    monkeypatch.setenv("FLOWS_KEY", key)
    assert [launch._first_of_its_key(api, task) for task in (one, two)] == [one, one]


def test_only_a_run_on_agents_can_be_left_alone() -> None:
    done = CliRunner().invoke(main, ["run", "churn", "--detach"])
    assert (done.exit_code, done.stderr) == (
        2,
        "error: --detach is for a run whose controller is on an agent: give --remote too\n",
    )


def in_progress(api: Api) -> str:
    task = str(api.call("tasks.create", name="scheduler", type="service")["id"])
    api.call("tasks.started", task=task)
    return task


def test_an_agent_that_can_run_nothing_beside_the_scheduler_is_named(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__SCHEDULE__STORE", "backend")
    task = in_progress(api)
    api.call("workers.status_report", worker="watcher", task=task, timestamp=0)
    with pytest.raises(Unreachable, match="controllers but watcher, which is busy with this scheduler"):
        service.serve(load(), task, lambda _line: None)


def test_a_scheduler_ends_with_its_task_and_a_second_one_names_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__SCHEDULE__STORE", "backend")
    first, second = in_progress(api), in_progress(api)
    said: list[str] = []
    ticks: list[None] = []

    refresh = shared.Shared._refresh

    def refresh_or_not(rows: shared.Shared) -> None:
        if len(ticks) == 1:
            raise Unreachable("no ClearML backend answers")
        refresh(rows)

    def tick(engine: Engine, _now: object) -> None:
        ticks.append(None)
        engine.store.schedules()
        with pytest.raises(Locked, match=f"another scheduler is under way, Task {first}"):
            service.serve(load(), second, said.append)
        api.call("tasks.stopped", task=first)

    monkeypatch.setattr(Engine, "tick", tick)
    monkeypatch.setattr(shared.Shared, "_refresh", refresh_or_not)
    monkeypatch.setattr(shared, "LOOK_EVERY", -1.0)
    monkeypatch.setattr(service, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(service, "BEAT_EVERY", 0.0)
    with pytest.raises(Locked, match=f"Task {first} has ended"):
        service.serve(load(), first, said.append)
    assert len(ticks) == 2
    assert len([line for line in said if "due runs wait: no ClearML backend answers" in line]) == 1
    assert service.lives(api, second, 120.0)
    api.call("tasks.stopped", task=second)
    assert not service.lives(api, second, 120.0)
    with closing(open_shared(load())) as rows:
        assert rows.holder is None
