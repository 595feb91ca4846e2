"""Real schedulers and real processes of runs; only the flow is one that does nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from clearml_flows.schedule import loop
from clearml_flows.schedule.processes import LocalProcesses
from clearml_flows.schedule.records import REPLACED, Run, Schedule
from clearml_flows.schedule.store import Store
from tests.schedule.conftest import WAYS

ROOT = Path(__file__).parents[2]
FAKE_FLOW = ROOT / "tests" / "support" / "fake_flow.py"


@dataclass
class Place:
    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "FLOWS_SETTINGS": str(self.folder / "settings.toml"),
            "FLOWS__SCHEDULE__PREFIX": json.dumps([sys.executable, str(FAKE_FLOW)]),
            "FLOWS__SCHEDULE__OVERLAP": "allow",  # else a backend would be started to be asked
            "FAKE_FLOW": str(self.folder),
            "PYTHONPATH": str(ROOT),
        }
        return {**os.environ, **own}

    @cached_property
    def store(self) -> Store:
        return Store(self.folder / ".flows")

    def due_once(self) -> Schedule:
        """A schedule with one run, which is due."""
        past = datetime.now(UTC) - timedelta(hours=2)
        return self.store.add("due", past, **{**WAYS, "max_runs": 1, "overlap": "allow"})

    def python(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**self.environment, **environment},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def flows_schedule(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return self.python("-m", "clearml_flows", "schedule", *arguments, **environment)

    def go(self) -> None:
        (self.folder / "go").touch()

    def runs(self) -> list[dict[str, Any]]:
        path = self.folder / "runs"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def record(self, schedule: Schedule) -> Run:
        return self.store.runs(schedule, 1)[0]

    def end(self) -> None:
        self.go()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.store.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    shutil.copyfile(ROOT / "settings.toml", tmp_path / "settings.toml")
    place = Place(tmp_path)
    yield place
    place.end()


def wait_until(holds: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def killed_after(place: Place, point: str) -> int:
    """Kill a scheduler after one of the three steps; the id of the run's process, if it was halted."""
    halting = place.python("-m", "tests.support.halting_scheduler", point)
    assert halting.stdout
    pid = int(halting.stdout.readline())
    halting.kill()
    halting.wait()
    return pid


@pytest.mark.parametrize(("point", "command"), [("claim", "tick"), ("launch", "start"), ("mark", "start")])
def test_killed_after_any_step_and_started_again_it_is_one_run(place: Place, point: str, command: str) -> None:
    due = place.due_once()
    halted = killed_after(place, point)
    before = place.record(due)
    assert before.state == {"claim": "claimed", "launch": "claimed"}.get(point, before.state)
    scheduler = place.flows_schedule(command)
    assert scheduler.stderr
    first_line = scheduler.stderr.readline()
    assert (f"process {scheduler.pid}: " if command == "start" else "due: the run of ") in first_line
    wait_until(place.runs, "no run was started")
    if halted:
        os.kill(halted, signal.SIGCONT)
        wait_until(lambda: not psutil.pid_exists(halted), "the process that was too late does not end")
    place.go()
    wait_until(lambda: place.record(due).state == "done", "the run does not end")
    if command == "start":
        scheduler.terminate()
    assert scheduler.wait(30) == 0
    (run,) = place.runs()
    assert run["tags"] == ["scheduled", before.key]
    record = place.record(due)
    assert (record.number, record.task, record.exit_code) == (before.number, "0" * 32, 0)


def test_a_second_scheduler_names_the_first_and_runs_outlive_both(place: Place) -> None:
    due = place.due_once()
    first = place.flows_schedule("start")
    wait_until(place.runs, "no run was started")
    second = place.flows_schedule("start")
    _printed, sentence = second.communicate(timeout=60)
    assert second.returncode == 4
    assert sentence == (
        f"error: another scheduler is under way (process {first.pid}); leave the work to it, or stop it\n"
    )
    first.send_signal(signal.SIGHUP)
    _printed, told = first.communicate(timeout=30)
    assert first.returncode == 0
    assert "the scheduler ends; 1 of its runs go on" in told
    assert place.record(due).state == "begun"
    place.go()
    wait_until(lambda: place.record(due).state == "done", "the run does not end")
    assert place.runs()[0]["shared"]
    command = place.runs()[0]["command"]
    assert [Path(word).name for word in command[1:]] == ["churn_flow.py", "--json", "--no-progress"]


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert loop._signals() == [signal.SIGTERM, signal.SIGINT]
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in loop._signals()


@pytest.mark.parametrize(("code", "state", "why"), [(2, "failed", "error: told by the flow"), (3, "done", "by hand")])
def test_the_end_of_a_run_is_recorded_and_told(place: Place, code: int, state: str, why: str) -> None:
    schedule = place.store.add("idle", datetime.now(UTC), **WAYS)
    (place.folder / "exit").write_text(str(code))
    place.go()
    started = place.flows_schedule("run-now", "idle", "--json")
    printed, _errors = started.communicate(timeout=60)
    assert json.loads(printed)["schedule"] == "idle"
    wait_until(lambda: place.record(schedule).ended, "the run does not end")
    assert not place.runs()[0]["shared"]
    record = place.record(schedule)
    assert (record.state, record.exit_code, record.why) == (state, code, why)
    told = [(notice["schedule"], notice["kind"], notice["sentence"]) for notice in place.store.notices()]
    assert told == ([("idle", "failed", why)] if state == "failed" else [])


def test_a_run_that_is_replaced_ends_as_skipped(place: Place) -> None:
    schedule = place.store.add("idle", datetime.now(UTC), **WAYS)
    place.flows_schedule("run-now", "idle").communicate(timeout=60)
    wait_until(place.runs, "no run was started")
    run = place.record(schedule)
    assert place.store.move(run, ("begun",), "begun", why=REPLACED)
    LocalProcesses(place.folder).stop(run)
    wait_until(lambda: place.record(schedule).ended, "the run does not end")
    assert (place.record(schedule).state, place.record(schedule).why) == ("skipped", REPLACED)
    wait_until(lambda: not psutil.pid_exists(place.runs()[0]["pid"]), "the process of the flow goes on")


def test_an_interval_of_two_seconds_from_the_environment_runs_three_times_and_ends(place: Place) -> None:
    place.go()
    variables = {
        "PIPELINE_SCHEDULE_TYPE": "interval",
        "PIPELINE_INTERVAL_SECONDS": "2",
        "PIPELINE_MAX_RUNS": "3",
        "FLOWS__SCHEDULE__CATCH_UP": "all",
    }
    scheduler = place.flows_schedule("start", **variables)
    _printed, told = scheduler.communicate(timeout=90)
    assert scheduler.returncode == 0, told
    assert "has had all its runs" in told
    times = sorted(datetime.fromisoformat(run["tags"][1].partition("@")[2]) for run in place.runs())
    assert [later - times[0] for later in times] == [timedelta(), timedelta(seconds=2), timedelta(seconds=4)]
    again = place.flows_schedule("start", **variables)
    again.communicate(timeout=60)
    assert len(place.runs()) == 3
