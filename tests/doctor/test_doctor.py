"""`flows doctor` on a machine that is well, and with one trouble at a time, each made for real."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from clearml_flows.backend.client import Api
from clearml_flows.doctor import api as diagnose
from clearml_flows.doctor import machine_checks, task_checks
from clearml_flows.doctor.check_result import CheckResult, ok
from clearml_flows.localserver import launcher
from clearml_flows.monitor.heartbeat import FILE as HEARTBEAT
from clearml_flows.run import ending
from clearml_flows.schedule.api import ways
from clearml_flows.schedule.store import Store
from clearml_flows.schedule.stores import open_shared
from clearml_flows.settings import load
from tests.support.agents import backend_api
from tests.support.backend import Backend, running_backend
from tests.support.command import Done
from tests.support.home import Home, make_home
from tests.support.http import answering


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("doctor") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def api(backend: Backend) -> Iterator[Api]:
    api = backend_api(backend)
    yield api
    api.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One whose backend was never started."""
    monkeypatch.setenv("FLOWS__DATA__SOURCE", "synthetic")
    return make_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def place(home: Home, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One whose backend runs."""
    monkeypatch.setenv("FLOWS__SERVER__DATA_DIR", backend.status.data_dir)
    return home


def checks(done: Done) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(done.stdout)["checks"]}


def diagnosed(home: Home, check: str, status: str, *words: str, fix: str | None = None, options: str = "") -> Done:
    """This check found that; the exit code is 1 only if it failed."""
    done = home.flows("doctor", "--json", *options.split())
    found = checks(done)[check]
    assert found["status"] == status, found
    for word in words:
        assert word in found["message"], found
    assert found["fix"] == fix
    assert done.exit_code == (1 if status == "failed" else 0), done
    return done


def gone() -> psutil.Process:
    """A process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    process.create_time()
    child.wait()
    return process


def test_all_is_well(place: Home, backend: Backend) -> None:
    done = place.flows("doctor", "--json")
    assert done.exit_code == 0, done
    assert {one["status"] for one in checks(done).values()} <= {"ok", "skipped"}
    assert json.loads(done.stdout)["counts"]["failed"] == 0
    assert "stored a file, gave it back and removed it" in checks(done)["files"]["message"]
    stored = [path for path in Path(backend.status.data_dir, "files").rglob("*") if path.is_file()]
    assert stored == []
    place.flows("doctor").said("ok       python", "the embedded backend", "skipped  kaggle")


def test_an_embedded_backend_is_not_started(home: Home) -> None:
    done = diagnosed(home, "backend", "warning", "is not running", fix="flows server up")
    assert [
        one["status"] for name, one in checks(done).items() if name in ("credentials", "clock", "files", "orphans")
    ] == ["skipped"] * 4
    assert not launcher.status(home.data_dir).running
    assert not home.data_dir.exists()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in {"API_HOST": url, "WEB_HOST": url, "FILES_HOST": url}.items():
        monkeypatch.setenv(f"CLEARML_{name}", value)
    monkeypatch.setenv("CLEARML_API_ACCESS_KEY", "a-key")
    monkeypatch.setenv("CLEARML_API_SECRET_KEY", "a-wrong-secret")


def test_a_server_that_does_not_answer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    done = diagnosed(home, "backend", "failed", "no ClearML backend answers", fix="flows setup --show")
    assert checks(done)["configuration"]["message"].endswith("by CLEARML_API_HOST, CLEARML_WEB_HOST, "
        "CLEARML_FILES_HOST, CLEARML_API_ACCESS_KEY, CLEARML_API_SECRET_KEY")  # fmt: skip
    with answering(lambda _path: (200, "<html>")) as page:
        use(monkeypatch, page)
        diagnosed(home, "backend", "failed", "not as a ClearML API does", fix="flows setup --show")


def test_a_key_that_the_server_does_not_know(home: Home, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, backend.api_url)
    done = diagnosed(home, "credentials", "failed", "does not know the configured key", fix="flows setup")
    assert checks(done)["backend"]["status"] == "ok"
    assert "a-wrong-secret" not in done.stdout
    monkeypatch.delenv("CLEARML_API_SECRET_KEY")
    diagnosed(home, "credentials", "failed", "configured without credentials", fix="flows setup")


def test_a_conf_that_is_no_hocon_stops_no_other_check(home: Home) -> None:
    home.conf.write_text("api { secret_key: hidden-thing [", "utf-8")
    home.conf.chmod(0o600)
    done = diagnosed(home, "configuration", "failed", "is not a clearml.conf: see line 1")
    assert checks(done)["schedules"]["status"] == "ok"
    assert "hidden-thing" not in done.stdout


def test_a_named_conf_that_is_not_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", "~/nowhere.conf")
    diagnosed(home, "configuration", "failed", "names ~/nowhere.conf, which is no file", fix="flows setup")


def test_settings_that_are_wrong(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__DATA__ROWS", "many")
    done = diagnosed(home, "settings", "failed", "FLOWS__DATA__ROWS")
    assert checks(done)["python"]["status"] == "ok"
    assert checks(done)["disk"]["status"] == "skipped"


def test_secrets_that_others_may_read(home: Home, tmp_path: Path) -> None:
    token = tmp_path / "home" / ".kaggle" / "access_token"
    token.parent.mkdir()
    token.write_text("secret", "utf-8")
    token.chmod(0o644)
    diagnosed(home, "secrets", "failed", "others may read", fix=f"chmod 600 {token}")
    done = diagnosed(home, "secrets", "ok", f"closed {token} to others", options="--fix")
    assert checks(done)["secrets"]["fixed"]
    diagnosed(home, "secrets", "ok", "1 files with secrets")


@pytest.mark.parametrize("folder", ["settings.toml/data", "/proc/flows"])
def test_a_data_directory_that_cannot_be_written(home: Home, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__SERVER__DATA_DIR", folder)
    diagnosed(home, "disk", "failed", "cannot be written")


def test_a_disk_that_is_full(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "LOW_BYTES", 1 << 60)
    diagnosed(home, "disk", "warning", "GB free", "make room")
    monkeypatch.setattr(machine_checks, "NO_BYTES", 1 << 60)
    diagnosed(home, "disk", "failed", "GB free", "make room")


def test_packages_that_are_missing_or_of_another_release(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "_PYPROJECT", home.folder / "pyproject.toml")
    wanted = ["click>=999", "not-there-at-all", "rich; os_name == 'x'"]
    text = f'[project]\nrequires-python = ">=4"\ndependencies = {json.dumps(wanted)}\n'
    (home.folder / "pyproject.toml").write_text(text, "utf-8")
    done = diagnosed(
        *(home, "packages", "failed", "is not >=999", "not-there-at-all is missing"),
        fix=f"{sys.executable} -m pip install 'click>=999' not-there-at-all",
    )
    assert checks(done)["python"]["status"] == "failed"


def test_a_lock_that_is_held_though_its_process_is_gone(home: Home) -> None:
    home.data_dir.mkdir()
    (home.data_dir / "run-churn.pid").write_text(str(gone().pid), "utf-8")
    with FileLock(home.data_dir / "run-churn.lock"):
        diagnosed(home, "locks", "failed", "run-churn.lock is held, but process", fix=f"kill {os.getpid()}")
    diagnosed(home, "locks", "ok")


def test_a_promotion_that_was_broken_off(place: Home, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.call("queues.create", name="promotion of churn in somewhere")
    diagnosed(place, "shared_locks", "ok")
    monkeypatch.setattr(task_checks, "LEFT_AFTER", timedelta(seconds=-60))
    diagnosed(place, "shared_locks", "warning", "was broken off", fix="flows doctor --fix")
    diagnosed(place, "shared_locks", "ok", "removed", options="--fix")
    assert api.call("queues.get_all", name="^promotion")["queues"] == []


def test_tasks_that_wait_for_nobody(place: Home, api: Api) -> None:
    task = api.call("tasks.create", name="waits", type="custom")["id"]
    api.call("tasks.enqueue", task=task, queue_name="default")
    diagnosed(place, "queues", "failed", "1 Tasks wait in the queue default", fix="flows agent start --queue default")
    api.call("tasks.dequeue", task=task)
    diagnosed(place, "queues", "ok", "default: 0 live agents")


def test_a_run_whose_process_is_gone(place: Home, api: Api) -> None:
    project = api.call("projects.create", name="clearml-flows/.pipelines/churn", system_tags=["hidden", "pipeline"])[
        "id"
    ]
    run = api.call("tasks.create", name="run", type="controller", project=project, system_tags=["pipeline"])["id"]
    api.call("tasks.started", task=run)
    lost = gone()
    mark = f"{socket.gethostname()} {lost.pid} {lost.create_time()}"
    item = {"section": "properties", "name": ending.PROCESS, "value": mark}
    api.call("tasks.edit_hyper_params", task=run, hyperparams=[item], force=True)
    diagnosed(place, "orphans", "failed", f"run {run[:8]}", f"process {lost.pid}", fix="flows doctor --fix")
    diagnosed(place, "orphans", "ok", "marked 1 as failed", options="--fix")
    assert api.call("tasks.get_by_id", task=run)["task"]["status"] == "failed"
    diagnosed(place, "orphans", "ok", "no run is under way")


def test_schedules_that_nothing_looks_at(home: Home) -> None:
    store = Store(home.data_dir)
    values = ways(load(), "daily", "00:00")
    store.add("nightly", datetime.now(UTC) - timedelta(days=1), **values)
    store.close()
    diagnosed(home, "schedules", "failed", "nightly should have run", fix="flows schedule start")
    (home.data_dir / "schedule.pid").write_text(str(os.getpid()), "utf-8")
    with FileLock(home.data_dir / "schedule.lock"):
        diagnosed(home, "schedules", "ok", f"1 active; the scheduler is process {os.getpid()}")


def test_schedules_in_the_backend_whose_scheduler_died(place: Home, api: Api) -> None:
    place.flows("schedule", "daily", "00:00", "--remote").said("")
    command = "flows schedule start --remote"
    diagnosed(place, "remote_schedules", "failed", "churn-daily in the backend, and no scheduler", fix=command)
    scheduler = api.call("tasks.create", name="scheduler", type="service")["id"]
    api.call("tasks.started", task=scheduler)
    with closing(open_shared(load(), "a-token")) as rows:
        rows.take(scheduler, lambda _task: False)
    diagnosed(place, "remote_schedules", "ok", f"1 active in the backend; the scheduler is Task {scheduler[:8]}")
    api.call("tasks.failed", task=scheduler, force=True)
    diagnosed(place, "remote_schedules", "failed", "no scheduler runs", fix=command)
    place.flows("schedule", "remove", "churn-daily", "--remote").said("")
    diagnosed(place, "remote_schedules", "ok", "none is active")


def test_a_monitor_that_is_gone(home: Home) -> None:
    diagnosed(home, "monitor", "ok", "no monitor has run here")
    home.data_dir.mkdir()
    dead, alive = gone(), psutil.Process(os.getppid())
    for process, status, fix in ((dead, "warning", "flows monitor watch"), (alive, "ok", None)):
        told = {"at": "2026-01-01T00:00:00Z", "pid": process.pid, "born": process.create_time(), "looked": "x"}
        (home.data_dir / HEARTBEAT).write_text(json.dumps(told), "utf-8")
        diagnosed(home, "monitor", status, fix=fix)


def test_a_channel_that_cannot_be_used(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_NOTIFY_TEAM", "slack://hidden-token")
    done = diagnosed(home, "notifications", "failed", "team", fix="flows notify list")
    assert "hidden-token" not in done.stdout
    monkeypatch.setenv("FLOWS_NOTIFY_TEAM", "json://127.0.0.1:1/hidden")
    assert "hidden" not in diagnosed(home, "notifications", "ok", "team").stdout


def test_an_agent_that_died(home: Home) -> None:
    folder = home.data_dir / "agents"
    folder.mkdir(parents=True)
    lost = gone()
    told = {"worker": "here:default-1", "queues": ["default"], "services": False, "url": "http://x", "pid": lost.pid}
    told |= {"created": lost.create_time(), "log": "x"}
    (folder / "default-1.json").write_text(json.dumps(told), "utf-8")
    diagnosed(home, "agents", "warning", "here:default-1", fix="flows agent stop here:default-1")
    sleeper = [sys.executable, "-c", "print(1, flush=True); import time; time.sleep(600)"]
    with subprocess.Popen(sleeper, env={"CLEARML_WORKER_ID": "here:default-1"}, stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        command = "flows agent stop here:default-1"
        diagnosed(home, "agents", "failed", "1 of their processes still run", fix=command)
        orphan.kill()


def test_a_check_that_breaks_or_hangs_stops_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def check_broken(_settings: object) -> CheckResult:
        raise ZeroDivisionError("a defect of ours")

    def check_endless(_settings: object) -> CheckResult:
        over.wait(60)
        return ok("endless", "at last")

    monkeypatch.setattr(diagnose, "OF_SETTINGS", (check_broken, *diagnose.OF_SETTINGS))
    done = diagnosed(home, "broken", "failed", "the check itself broke: ZeroDivisionError", fix="flows doctor --debug")
    assert checks(done)["disk"]["status"] == "ok"
    assert done.stderr == ""
    assert "a defect of ours" in home.flows("doctor", "--debug").stderr
    monkeypatch.setattr(diagnose, "LIMIT_SECONDS", 0.5)
    found = diagnose._carried_out("endless", lambda: check_endless(None), lambda _text: None)
    over.set()
    assert [(one.status, one.message) for one in found] == [("failed", "no answer within 0 s")]
