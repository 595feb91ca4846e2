"""The files that a monitor leaves: its log, and its sign of life."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearml_flows.errors import BadInput
from clearml_flows.events import Event
from clearml_flows.monitor.heartbeat import Heartbeat, watcher
from clearml_flows.monitor.journal import Journal
from clearml_flows.monitor.loop import log_folder
from clearml_flows.monitor.records import MonitoredRun
from clearml_flows.run.snapshot import Run, Step
from clearml_flows.settings import load
from tests.e2e.conftest import make_place
from tests.support.http import Answer, answering

NOW = datetime(2025, 1, 11, 12, 0, 0, tzinfo=UTC)
STEPS = (
    Step("download", "1" * 32, "completed", seconds=12.34),
    Step("validate\n[fake] Pipeline", "2" * 32, "in_progress", seconds=2.0),
    Step("features"),
)
SEEN = MonitoredRun(Run("abc123", "in_progress", "", "p", STEPS), "churn #2", "churn", True, "", "", "", 15.0)


def test_a_run_is_a_line_and_an_indented_line_for_each_step(tmp_path: Path) -> None:
    Journal(tmp_path / "logs", print).run(NOW, SEEN)
    assert (tmp_path / "logs" / "pipeline_monitor.log").read_text() == (
        "[2025-01-11T12:00:00] Pipeline abc123: running\n"
        "  download: completed (12.3 s)\n"
        "  validate [fake] Pipeline: running (2.0 s)\n"
        "  features: pending\n"
    )
    told = json.loads((tmp_path / "logs" / "pipeline_monitor.jsonl").read_text())
    assert (told["at"], told["run_id"], told["status"]) == ("2025-01-11T12:00:00", "abc123", "in_progress")
    assert [(step["name"], step["status"]) for step in told["steps"]][::2] == [
        ("download", "completed"),
        ("features", "pending"),
    ]


def test_the_log_is_its_owners_and_is_set_aside_when_it_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path, print, size=100)
    for number in range(12):
        journal.event(NOW, Event(f"{number}", "paused", NOW, f"schedule {number} is paused: {'x' * 60}"))
    names = sorted(path.name for path in tmp_path.glob("*.log*"))
    assert names == ["pipeline_monitor.log", *(f"pipeline_monitor.log.{number}" for number in (1, 2, 3))]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert "schedule 11 is" in (tmp_path / "pipeline_monitor.log").read_text()
    assert "schedule 10 is" in (tmp_path / "pipeline_monitor.log.1").read_text()


def test_the_logs_folder_is_relative_to_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_place(tmp_path / "project")
    monkeypatch.setenv("FLOWS_SETTINGS", str(place.folder / "settings.toml"))
    assert log_folder(load()) == place.folder / ".flows" / "logs"
    monkeypatch.setenv("FLOWS__MONITOR__LOG_FOLDER", "watching")
    assert log_folder(load()) == place.folder / "watching"


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    said: list[str] = []
    journal = Journal(tmp_path / "logs", said.append)
    journal.run(NOW, SEEN)
    journal.run(NOW, SEEN)
    assert said == [f"{tmp_path / 'logs'} cannot be written, so the log has gaps: File exists"]


def test_each_look_leaves_a_sign_of_life_and_the_switch_is_asked_now_and_then(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return 200, "ok"

    with answering(answer) as url:
        sign = Heartbeat(tmp_path, f"{url}/secret-token", timedelta(seconds=60), print)
        for seconds in (0, 30, 59, 60, 90, 121):
            sign.beat(NOW + timedelta(seconds=seconds), "runs and schedules")
    assert asked == ["/secret-token"] * 3
    told = json.loads((tmp_path / "monitor.heartbeat").read_text())
    assert (told["at"], told["pid"], told["looked"]) == ("2025-01-11T12:02:01Z", os.getpid(), "runs and schedules")
    assert stat.S_IMODE((tmp_path / "monitor.heartbeat").stat().st_mode) == 0o600


@pytest.mark.parametrize(("status", "problem"), [(302, "HTTP 302"), (500, "HTTP 500"), (None, "ConnectionError")])
def test_a_switch_that_does_not_take_it_is_said_without_its_secret(
    tmp_path: Path, status: int | None, problem: str
) -> None:
    said: list[str] = []
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return status or 200, ""

    with answering(answer) as url:
        sign = Heartbeat(tmp_path, f"{url}/secret-token", timedelta(seconds=60), said.append)
        if status:
            sign.beat(NOW, "runs")
    if not status:
        sign.beat(NOW, "runs")
    assert said == [f"the dead-man switch at 127.0.0.1 does not accept the heartbeat: {problem}"]
    assert asked == ["/secret-token"] * (status is not None)


@pytest.mark.parametrize("url", ["ftp://host/secret", "secret", "https://"])
def test_what_is_no_url_is_refused_without_being_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput, match=r"^FLOWS_HEARTBEAT_URL is not an http or https URL$"):
        Heartbeat(tmp_path, url, timedelta(seconds=60), print)


def test_whether_a_monitor_watches_is_read_from_its_sign_of_life(tmp_path: Path) -> None:
    nobody = {"alive": False, "pid": None, "at": None, "looked": None}
    assert watcher(tmp_path) == nobody
    (tmp_path / "monitor.heartbeat").write_text("[]")
    assert watcher(tmp_path) == nobody
    (tmp_path / "monitor.heartbeat").write_text(
        '{"pid": 1, "born": 1.0, "at": "2025-01-11T12:00:00Z", "looked": "runs"}'
    )
    assert watcher(tmp_path) == {"alive": False, "pid": 1, "at": "2025-01-11T12:00:00Z", "looked": "runs"}
