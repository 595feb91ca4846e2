"""What goes on too long is told once, with what mends it, and again when it comes again: stuck, waiting, lost, away."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.lock import only_one
from clearml_flows.monitor.schedules import Schedules
from clearml_flows.schedule.store import Planned, Store
from tests.monitor.conftest import SOON, Watcher
from tests.schedule.conftest import WAYS
from tests.support.http import Answer, answering
from tests.support.pipeline_runs import Runs

GONE = f"{socket.gethostname()} 1 1.0"


@pytest.fixture
def strict(api: Api, tmp_path: Path) -> Iterator[Watcher]:
    """A monitor to which a minute of silence or of waiting is too long."""
    watcher = Watcher(tmp_path / "data", SOON)
    yield watcher
    watcher.end()


def facts(watcher: Watcher, number: int = -1) -> dict[str, Any]:
    return dict(watcher.told.events[number].facts)


def status(api: Api, task: str) -> str:
    return str(api.call("tasks.get_by_id", task=task)["task"]["status"])


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend's clock, three minutes ahead of what it has written down."""
    go_on(monkeypatch, 3)


def go_on(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    monkeypatch.setattr(Api, "now", lambda _api: datetime.now(UTC) + timedelta(minutes=minutes))


def test_a_run_of_which_nothing_is_heard_is_stuck_once_for_as_long_as_it_is(
    strict: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made.run()
    made.lives(run)
    assert strict.look() == []
    go_on(monkeypatch, 3)
    assert [kind for kind, _ in strict.look()] == ["stuck"]
    event = strict.told.events[0]
    assert event.subject.startswith("churn is stuck: the run had no update for 1")
    assert (facts(strict)["fix"], facts(strict)["run_id"]) == (f"flows runs stop {run}", run)
    assert facts(strict)["url"].endswith(f"/experiments/{run}")
    assert 179 <= facts(strict)["silent_seconds"] <= 240
    assert strict.look() == []
    strict.restart()
    assert strict.look() == []
    made.api.call("tasks.ping", task=run)
    go_on(monkeypatch, 0)
    assert strict.look() == []
    go_on(monkeypatch, 3)
    assert [kind for kind, _ in strict.look()] == ["stuck"]
    assert strict.told.events[1].key != event.key


def test_a_step_of_others_that_is_silent_is_stuck_and_left_alone(strict: Watcher, foreign: Runs, later: None) -> None:
    run = foreign.run()
    foreign.lives(run, GONE)
    step = foreign.step("load", run, status="in_progress")
    foreign.draw(run, load=step)
    assert [subject.partition(" for ")[0] for _, subject in strict.look()] == [
        "nightly is stuck: the run had no update",
        "nightly is stuck: its step load had no update",
    ]
    assert facts(strict)["fix"] == "abort it on its page, and check its machine"
    assert [status(foreign.api, task) for task in (run, step)] == ["in_progress", "in_progress"]


def test_a_step_whose_worker_is_gone_has_failed_and_is_told_as_lost(watcher: Watcher, made: Runs, later: None) -> None:
    run = made.run()
    made.lives(run)
    step = made.step("train_sweep", run, status="in_progress")
    made.api.call("workers.status_report", worker="gpu:0", timestamp=0, task=step)
    made.draw(run, train_sweep=step)
    assert watcher.look() == [("lost", "churn lost its step train_sweep, which is marked failed and may be retried")]
    assert (status(made.api, run), status(made.api, step)) == ("in_progress", "failed")
    assert facts(watcher)["failed_step"] == "train_sweep"
    assert facts(watcher)["error"].startswith("worker gpu:0 was lost: it has not reported for 1")
    watcher.restart()
    assert watcher.look() == []


def test_a_step_that_its_own_controller_gave_up_is_told_too(watcher: Watcher, made: Runs) -> None:
    run = made.run()
    step = made.step("train_sweep", run, status="in_progress")
    made.draw(run, train_sweep=step)
    why = "worker gpu:0 was lost: it has not reported for 130 s"
    made.api.call("tasks.failed", task=step, status_message=why)
    assert [kind for kind, _ in watcher.look()] == ["lost"]


def test_a_controller_that_died_is_told_as_its_run_that_failed(watcher: Watcher, made: Runs) -> None:
    run = made.run()
    made.lives(run, GONE)
    assert watcher.look() == [("failed", "churn failed")]
    assert facts(watcher)["error"] == f"its process 1 on {socket.gethostname()} was lost"
    assert status(made.api, run) == "failed"


def test_what_a_run_left_behind_is_marked_when_others_had_time_to(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made.run()
    step = made.step("validate", run, status="in_progress")
    made.api.call("tasks.failed", task=run)
    watcher.look()
    assert status(made.api, step) == "in_progress"
    go_on(monkeypatch, 6)
    watcher.look()
    assert status(made.api, step) == "failed"


def test_a_queue_without_a_live_agent_is_told_with_what_starts_one(strict: Watcher, made: Runs, later: None) -> None:
    run = made.run()
    made.lives(run)
    step = made.step("features", run, status="in_progress")
    made.api.call("tasks.stopped", task=step)
    queue = made.api.call("tasks.enqueue", task=step, queue_name="gpu")["fields"]["execution.queue"]
    made.draw(run, features=step)
    waits = [told for told in strict.look() if "waits" in told[1]]
    assert waits == [("stuck", "churn waits: its step features is in the queue gpu, which no live agent watches")]
    assert (facts(strict)["queue"], facts(strict)["fix"]) == ("gpu", "flows agent start --queue gpu")
    assert not [told for told in strict.look() if "waits" in told[1]]
    made.api.call("workers.register", worker="one:0", queues=[queue], timeout=600)
    made.api.call("workers.status_report", worker="one:0", timestamp=0, queues=[queue])
    strict.look()
    assert strict.store.conditions("waiting") == {}
    made.api.call("workers.unregister", worker="one:0")


def test_a_controller_that_waits_needs_an_agent_for_services(strict: Watcher, made: Runs, later: None) -> None:
    run = made.run()
    made.api.call("tasks.stopped", task=run)
    made.api.call("tasks.enqueue", task=run, queue_name="services")
    assert strict.look() == [("stuck", "churn waits: the run is in the queue services, which no live agent watches")]
    assert facts(strict)["fix"] == "flows agent start --services --queue services"


GOOD: dict[str, Any] = {"token": "t", "tasks": [], "projects": [], "queues": [], "workers": []}
ENVELOPE = {"result_msg": "OK", "endpoint": {"name": "any"}}
BAD: dict[str, Answer] = {
    "an error": (500, json.dumps({"meta": {**ENVELOPE, "result_msg": "no"}, "data": {}})),
    "HTML": (200, "<html>hello</html>"),
    "nothing": (503, ""),
    "a list": (200, "[]"),
    "no tasks": (200, json.dumps({"meta": ENVELOPE, "data": {"token": "t"}})),
    "numbers": (200, json.dumps({"meta": 1, "data": {"tasks": 3, "token": "t", "projects": [1]}})),
    "a list of lists": (200, json.dumps({"meta": ENVELOPE, "data": [[1, 2]]})),
    "tasks of nothing": (200, json.dumps({"meta": ENVELOPE, "data": {**GOOD, "tasks": [{}]}})),
    "no": (403, json.dumps({"meta": ENVELOPE, "data": {}})),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_backend_that_answers_nonsense_is_away_and_ends_nothing(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    answers = [(200, json.dumps({"meta": ENVELOPE, "data": GOOD}))]
    with answering(lambda _path: answers[-1]) as url:
        monkeypatch.setenv("CLEARML_API_HOST", url)
        monkeypatch.setenv("CLEARML_API_ACCESS_KEY", "key")
        monkeypatch.setenv("CLEARML_API_SECRET_KEY", "secret")
        watcher = Watcher(tmp_path)
        assert (watcher.look(), watcher.looked) == ([], "runs and schedules")
        answers.append(BAD[kind])
        assert (watcher.look(30), watcher.looked) == ([], "")
        [(event, subject)] = watcher.look(31)
        assert event == "backend_away"
        assert subject.startswith("the backend does not answer: ")
        assert watcher.look(3600) == []
        watcher.restart()
        assert watcher.look() == []
        answers.pop()
        assert watcher.look() == [("backend_back", "the backend answers again")]
        assert watcher.look() == []
    assert (watcher.look(90)[0][0], watcher.looked) == ("backend_away", "")
    watcher.end()


def test_runs_that_are_due_and_a_scheduler_that_is_not_there(watcher: Watcher) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store = Store(watcher.folder)
    late = store.add("late", now - timedelta(seconds=301), **WAYS)
    store.add("in time", now - timedelta(seconds=200), **WAYS)
    assert watcher.look(0) == [
        (
            "missed",
            f"the run of late that was due at {late.due:%Y-%m-%dT%H:%M:%SZ} was not started: no scheduler is running",
        )
    ]
    assert facts(watcher)["fix"] == "flows schedule start"
    assert watcher.look() == []
    watcher.restart()
    assert watcher.look(3000) == []
    store.set_state(late, "paused", now)
    store.set_state(store.schedule("in time"), "paused", now)
    assert watcher.look() == []
    assert watcher.store.conditions("scheduler") == {}
    late = store.add("again", now - timedelta(seconds=400), **WAYS)
    with only_one(watcher.folder, "schedule", "", ""):
        assert watcher.look() == []
        assert watcher.look(59) == []
        [(kind, subject)] = watcher.look()
    assert kind == "missed"
    assert "the scheduler (process " in subject
    assert facts(watcher)["fix"].endswith("; flows schedule start")
    store.close()


def test_word_of_the_scheduler_is_passed_on_once(watcher: Watcher) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store = Store(watcher.folder)
    store.notice(now - timedelta(hours=2), "old", None, "paused", "long ago")
    for kind in ("missed", "skipped", "failed", "paused", "delayed"):
        store.notice(now, "churn-daily", None if kind == "paused" else now, kind, "words")
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    assert watcher.look() == [
        ("missed", f"the run of churn-daily at {at} is missed: words"),
        ("skipped", f"the run of churn-daily at {at} is skipped: words"),
        ("launch_failed", f"the run of churn-daily at {at} is failed: words"),
        ("paused", "schedule churn-daily is paused: words"),
        ("delayed", f"the run of churn-daily at {at} is delayed: words"),
    ]
    assert facts(watcher, 3)["fix"] == "flows schedule resume churn-daily"
    watcher.restart()
    assert watcher.look() == []
    store.close()


def test_a_file_of_schedules_that_began_anew_is_read_from_its_beginning(watcher: Watcher) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store = Store(watcher.folder)
    for number in range(3):
        store.notice(now, f"old-{number}", None, "paused", "words")
    assert len(watcher.look()) == 3
    store.close()
    for path in watcher.folder.glob("schedules.sqlite*"):
        path.rename(watcher.folder / f"aside-{path.name}")
    assert watcher.look() == []
    store = Store(watcher.folder)
    assert watcher.look() == []
    store.notice(now, "new", None, "paused", "words")
    assert watcher.look() == [("paused", "schedule new is paused: words")]
    assert watcher.look() == []
    store.close()


@pytest.mark.parametrize(
    ("by", "kind", "end", "told"),
    [
        ("row", "failed", "failed", [("failed", "churn failed")]),
        ("tag", "failed", "failed", [("failed", "churn failed")]),
        ("row", "skipped", "stopped", [("stopped", "churn stopped")]),
        ("row", "failed", "completed", [("completed", "churn completed"), ("launch_failed", "")]),
    ],
)
def test_a_scheduled_run_that_failed_with_a_task_is_one_message(
    watcher: Watcher, made: Runs, by: str, kind: str, end: str, told: list[tuple[str, str]]
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store = Store(watcher.folder)
    schedule = store.add("hourly", now - timedelta(hours=1), **WAYS)
    [run] = store.plan(schedule, [Planned(now, "claimed")], (now, now + timedelta(hours=1)), now)
    task = made.task("churn", type="controller", system_tags=["pipeline"], tags=run.tags, status=end)
    store.move(run, ("claimed",), kind, ended=now, task=task if by == "row" else None)
    store.notice(now, "hourly", run.scheduled, kind, "words")
    assert [(kind, subject if "churn" in subject else "") for kind, subject in watcher.look()] == told
    assert watcher.look() == []
    store.close()


def test_while_the_backend_is_away_a_launch_that_failed_waits_for_its_word(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_API_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("CLEARML_API_ACCESS_KEY", "key")
    monkeypatch.setenv("CLEARML_API_SECRET_KEY", "secret")
    watcher = Watcher(tmp_path)
    store = Store(tmp_path)
    store.notice(watcher.now, "hourly", watcher.now, "failed", "no backend answers")
    assert watcher.look() == []
    assert watcher.look(590) == []
    assert [kind for kind, _ in watcher.look(20)] == ["launch_failed"]
    store.close()
    watcher.end()


def test_a_damaged_file_of_schedules_is_told_and_runs_are_watched_on(watcher: Watcher, made: Runs) -> None:
    watcher.folder.mkdir(exist_ok=True)
    (watcher.folder / "schedules.sqlite").write_bytes(b"nonsense")
    run = made.run("failed")
    told = watcher.look()
    assert [kind for kind, _ in told] == ["failed", "missed"]
    assert f"{watcher.folder / 'schedules.sqlite'} does not hold schedules" in told[1][1]
    assert watcher.look() == []
    assert facts(watcher, 0)["run_id"] == run


def test_watching_makes_no_file_of_schedules(tmp_path: Path) -> None:
    schedules = Schedules(tmp_path)
    assert (schedules.notices(0), schedules.active(), schedules.holder()) == ([], [], "")
    assert list(tmp_path.iterdir()) == []
