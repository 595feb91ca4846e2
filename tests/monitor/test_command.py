"""`flows monitor`, in this process where it ends by itself, and as a process where it is to be ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

import clearml_flows
from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import data_dir
from clearml_flows.cli.main import main
from clearml_flows.errors import Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.localserver.state import read_state
from clearml_flows.monitor.store import Store
from clearml_flows.settings import load
from tests.e2e.conftest import ROOT, make_place
from tests.support.agents import wait_until
from tests.support.pipeline_runs import Runs


@pytest.fixture(autouse=True)
def anew(api: Api) -> Iterator[None]:
    """The files that a monitor left are gone."""
    yield
    folder = data_dir(load())
    for path in [*folder.glob("monitor.*"), *folder.glob("logs/pipeline_monitor.*")]:
        path.unlink()


def monitor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["monitor", *arguments])


def told(*arguments: str) -> Any:
    done = monitor(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def failed_run(made: Runs) -> tuple[str, str]:
    run = made.run()
    download, validate = made.step("download", run), made.step("validate", run, status="failed")
    made.draw(run, download=download, validate=validate, features="")
    made.api.call("tasks.failed", task=run, status_message="step validate failed")
    return run, validate


def test_a_run_is_shown_with_its_steps(made: Runs) -> None:
    run, validate = failed_run(made)
    last = made.run("completed")
    assert told()["run_id"] == last
    for typed in ([run], [run[:10]], ["show", run[:10]]):
        found = told(*typed)
        assert (found["run_id"], found["flow"], found["status"], found["own"]) == (run, "churn", "failed", True)
    assert found["message"] == "step validate failed"
    assert [(step["name"], step["status"]) for step in found["steps"]] == [
        ("download", "completed"),
        ("validate", "failed"),
        ("features", "pending"),
    ]
    assert (found["steps"][1]["task_id"], found["steps"][1]["message"]) == (validate, "words")
    assert found["url"].endswith(f"/pipelines/{made.project}/experiments/{run}")
    assert found["watcher"] == {"alive": False, "pid": None, "at": None, "looked": None}
    assert clearml_flows.run_status(run) == found
    printed = monitor(run).stdout
    assert "watched  no (start one with `flows monitor watch`)" in printed
    assert "validate: words" in printed


def test_runs_of_others_are_listed_too(made: Runs, foreign: Runs) -> None:
    ours, theirs = failed_run(made)[0], foreign.run("completed")
    listed = told("list")
    assert [(one["run_id"], one["flow"], one["own"]) for one in listed] == [
        (theirs, "nightly", False),
        (ours, "churn", True),
    ]
    lines = monitor("list").stdout.splitlines()
    assert lines[2].split()[:3] == [ours, "churn", "failed"]
    assert lines[2].split()[-4:] == ["1", "of", "3", "validate"]
    assert [one["run_id"] for one in told("list", "-n", "1")] == [theirs]


def test_without_a_run_it_is_said_so(made: Runs) -> None:
    assert told("list") == []
    assert monitor().exit_code == 2
    assert monitor().stderr == "error: no pipeline has run yet; `flows run churn` runs one\n"
    assert monitor("beef").exit_code == 2
    assert monitor("wach").stderr == ("error: 'wach' is neither a command nor a run id; did you mean 'watch'?\n")


def test_a_run_is_followed_until_it_ends(made: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made.run()
    made.lives(run)
    step = made.step("download", run, status="in_progress")
    made.draw(run, download=step, validate="")
    happening = iter(["tasks.completed", "", "away", "tasks.failed"])

    def pause(_seconds: float) -> None:
        endpoint = next(happening)
        if endpoint.startswith("tasks"):
            made.api.call(endpoint, task=step if endpoint == "tasks.completed" else run)
        monkeypatch.setattr(
            "clearml_flows.cli.monitor.run_status", away if endpoint == "away" else clearml_flows.run_status
        )

    def away(_run: str) -> None:
        raise Unreachable("no ClearML backend answers")

    monkeypatch.setattr("clearml_flows.cli.monitor.time.sleep", pause)
    done = monitor(run, "--follow")
    assert done.exit_code == 1
    assert [line.partition("] ")[2] or line.partition(" (")[0] for line in done.stdout.splitlines()] == [
        f"Pipeline {run}: running",
        "  download: running",
        "  validate: pending",
        f"Pipeline {run}: running",
        "  download: completed",
        f"Pipeline {run}: failed",
    ]
    again = monitor("--follow", "--json", run)
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["failed"]


def test_looking_once_tells_and_leaves_its_word(made: Runs) -> None:
    run, _step = failed_run(made)
    done = monitor("watch", "--once")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("Z failed: churn failed in validate\n")
    logs = data_dir(load()) / "logs"
    assert f"Pipeline {run}: failed\n" in (logs / "pipeline_monitor.log").read_text()
    assert monitor("watch", "--once").stderr == ""


def test_names_of_others_do_nothing_to_the_terminal(foreign: Runs) -> None:
    run = foreign.run()
    foreign.draw(run, **{"evil\x1b[2J\nstep": foreign.step("evil", run, status="failed")})
    foreign.api.call("tasks.failed", task=run)
    looked = monitor("watch", "--once")
    assert looked.stderr.endswith(" failed: nightly failed in evil [2J step\n")
    for done in (looked, monitor(run), monitor(run, "--follow"), monitor("list")):
        assert "\x1b" not in done.output
    log = data_dir(load()) / "logs" / "pipeline_monitor.log"
    assert "\x1b" not in log.read_text()


def test_an_embedded_backend_is_not_started_for_being_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_place(tmp_path / "project")
    monkeypatch.setenv("FLOWS_SETTINGS", str(place.folder / "settings.toml"))
    folder = data_dir(load())
    assert monitor("watch", "--once").exit_code == 0
    names = {path.name for path in folder.iterdir()}
    assert {"monitor.heartbeat", "monitor.sqlite"} <= names
    assert not {"server.json", "schedules.sqlite", "clearml.conf"} & names
    status = launcher.up(folder)
    assert status.pid
    assert monitor("watch", "--once").exit_code == 0
    psutil.Process(status.pid).kill()
    wait_until(lambda: not launcher.status(folder).running, "the backend is gone")
    done = monitor("watch", "--once")
    assert done.exit_code == 5
    assert "the embedded backend of" in done.stderr
    assert done.stderr.endswith("`flows server status` shows more\n")
    shutil.rmtree(folder)
    assert read_state(folder) is None


def test_a_second_monitor_names_the_first_which_ends_when_it_is_told_to(made: Runs) -> None:
    command = [sys.executable, "-m", "clearml_flows", "monitor", "watch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FLOWS__MONITOR__INTERVAL": "1"}
    first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert first.stderr
        assert "pipeline_monitor.log" in first.stderr.readline()
        assert first.stderr.readline().endswith(f"the monitor begins, process {first.pid}\n")
        second = monitor("watch")
        assert second.exit_code == 4
        assert second.stderr.splitlines()[-1] == (
            f"error: another monitor is under way (process {first.pid}); leave the work to it, or stop it"
        )
        run = failed_run(made)[0]
        assert first.stderr.readline().endswith(" failed: churn failed in validate\n")
        wait_until(lambda: told(run)["watcher"]["alive"], "it has left a sign of life")
        assert told(run)["watcher"]["pid"] == first.pid
        assert f"by process {first.pid}, last check " in monitor(run).stdout
        first.send_signal(signal.SIGTERM)
        _printed, errors = first.communicate(timeout=60)
        assert (first.returncode, errors.splitlines()[-1][-22:]) == (0, "runs and schedules go on"[-22:])
    finally:
        if first.poll() is None:
            first.kill()
            first.communicate()
    with_store = Store(data_dir(load()))
    assert with_store.known(run)
    with_store.close()
