"""What is told of runs: each end once, whenever it came, and nothing of what is old."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.monitor import reading
from clearml_flows.monitor.store import Store
from tests.monitor.conftest import LOOK_BACK, Watcher
from tests.support.pipeline_runs import Runs


def end(api: Api, task: str, status: str, message: str = "") -> None:
    api.call(f"tasks.{status}", task=task, status_message=message, force=True)


def read(api: Api, task: str) -> dict[str, Any]:
    return dict(api.call("tasks.get_by_id", task=task)["task"])


@pytest.mark.parametrize(("status", "kind"), [("completed", "completed"), ("failed", "failed"), ("stopped", "stopped")])
def test_each_end_is_told_once_over_restarts(watcher: Watcher, made: Runs, status: str, kind: str) -> None:
    run = made.run()
    assert watcher.look() == []
    end(made.api, run, status)
    assert watcher.look() == [(kind, f"churn {kind}")]
    assert watcher.told.events[0].key == f"run {run} {kind} {read(made.api, run)['started']}"
    assert watcher.look() == []
    watcher.restart()
    assert watcher.look() == []
    assert len(watcher.told.events) == 1


def test_what_ended_while_no_monitor_watched_is_told_by_the_next_one(watcher: Watcher, made: Runs) -> None:
    watcher.look()
    watcher.end()
    first = made.run("failed")
    ids = [first, *(made.run("completed") for _ in range(reading.PAGE + 30))]
    watcher.restart()
    told = watcher.look()
    assert [kind for kind, _ in told] == ["failed", *["completed"] * (reading.PAGE + 30)]
    assert [event.facts["run_id"] for event in watcher.told.events] == ids
    watcher.restart()
    assert watcher.look() == []


def test_pages_are_read_to_the_end_also_where_runs_share_a_time(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    runs = [made.run("failed") for _ in range(8)] + [made.run() for _ in range(7)]
    since = reading.changed_at(read(made.api, runs[0]))
    assert list(reading.changed_since(made.api, since)) == runs
    assert set(reading.under_way(made.api)) == set(runs[8:])
    same = read(made.api, runs[0])["status_changed"]
    call = made.api.call

    def at_one_time(endpoint: str, **body: Any) -> dict[str, Any]:
        answer = call(endpoint, **body)
        return {"tasks": [{**task, "status_changed": same} for task in answer["tasks"]]}

    monkeypatch.setattr(made.api, "call", at_one_time)
    assert list(reading.changed_since(made.api, since)) == runs


def test_the_first_look_tells_nothing_of_what_is_older_than_look_back(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.run("failed")
    open_run = made.run()
    made.lives(open_run)
    monkeypatch.setattr(Api, "now", lambda _api: datetime.now(UTC) + timedelta(seconds=LOOK_BACK))
    assert watcher.look() == []
    monkeypatch.undo()
    end(made.api, open_run, "failed")
    assert watcher.look() == [("failed", "churn failed")]
    assert watcher.told.events[0].facts["run_id"] == open_run


def test_an_end_that_is_marked_again_is_one_and_a_run_that_is_started_again_is_told_again(
    watcher: Watcher, made: Runs
) -> None:
    run = made.run("failed")
    assert watcher.look() == [("failed", "churn failed")]
    end(made.api, run, "failed", "marked again")
    assert watcher.look() == []
    made.api.call("tasks.reset", task=run, force=True)
    made.api.call("tasks.started", task=run)
    assert watcher.look() == []
    end(made.api, run, "failed")
    assert watcher.look() == [("failed", "churn failed")]
    assert len({event.key for event in watcher.told.events}) == 2


def test_publishing_is_no_other_end(watcher: Watcher, made: Runs) -> None:
    run, unseen = made.run("completed"), made.run("completed")
    assert watcher.look() == [("completed", "churn completed")] * 2
    made.api.call("tasks.publish", task=run)
    made.api.call("tasks.publish", task=unseen)
    assert watcher.look() == []


def test_killed_while_it_tells_and_started_again_nothing_is_lost_or_told_twice(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.run("failed")
    watcher.told.broken = True
    with pytest.raises(KeyboardInterrupt):
        watcher.look()
    watcher.told.broken = False
    watcher.restart()
    monkeypatch.setattr(Store, "set_told", _killed)  # what comes after the event was put
    with pytest.raises(KeyboardInterrupt):
        watcher.look()
    monkeypatch.undo()
    assert [event.kind for event in watcher.told.events] == ["failed"]
    watcher.restart()
    assert watcher.look() == []
    assert len(watcher.told.events) == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_pipelines_of_others_are_found_and_told(watcher: Watcher, foreign: Runs, made: Runs) -> None:
    run = foreign.run("failed")
    foreign.task("no pipeline", status="failed")
    assert watcher.look() == [("failed", "nightly failed")]
    assert watcher.told.events[0].facts["run_id"] == run
    assert "fix" not in watcher.told.events[0].facts


def test_what_happens_to_others_can_be_logged_and_not_told(watcher: Watcher, foreign: Runs, made: Runs) -> None:
    watcher.others = False
    watcher.restart()
    theirs, ours = foreign.run("failed"), made.run("failed")
    assert [event.facts["run_id"] for event in watcher.told.events] == []
    assert watcher.look() == [("failed", "churn failed")]
    assert [line.split()[2] for line in watcher.lines() if " Pipeline " in line] == [f"{theirs}:", f"{ours}:"]


def test_where_nothing_changes_the_place_comes_along(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.run("failed")
    watcher.look()
    far = datetime.now(UTC) + timedelta(days=100)
    monkeypatch.setattr(Api, "now", lambda _api: far)
    watcher.now = far
    for _ in range(3):
        watcher.restart()
        watcher.look()
    assert watcher.told.puts == 1


def test_a_graph_that_cannot_be_read_keeps_no_run_from_being_told(watcher: Watcher, foreign: Runs) -> None:
    for value in ("not JSON", '["a list"]', '{"step": 1}', '{"step": {"job_id": ["a"]}}'):
        run = foreign.run()
        item = {"name": "Pipeline", "type": "json", "value": value}
        foreign.api.call("tasks.edit_configuration", task=run, configuration=[item], force=True)
        end(foreign.api, run, "failed")
    assert watcher.look() == [("failed", "nightly failed")] * 4


def test_a_clock_of_the_backend_that_is_set_back_loses_nothing(watcher: Watcher, made: Runs) -> None:
    watcher.look()
    watcher.store.set_mark(
        "cursor", f"{watcher.now - timedelta(days=1):%Y-%m-%dT%H:%M:%S+00:00} 2099-01-01T00:00:00+00:00"
    )
    made.run("failed")
    assert watcher.look() == [("failed", "churn failed")]


def test_changes_are_logged_line_by_line(watcher: Watcher, made: Runs) -> None:
    run = made.run()
    download, validate = made.step("download", run), made.step("validate", run, status="in_progress")
    made.draw(run, download=download, validate=validate, features="")
    watcher.look()
    assert watcher.lines()[0] == f"[{watcher.now:%Y-%m-%dT%H:%M:%S}] Pipeline {run}: running"
    watcher.look()
    assert [line.partition(" (")[0] for line in watcher.lines()[1:]] == [
        "  download: completed",
        "  validate: running",
        "  features: pending",
    ]
    end(made.api, validate, "completed")
    watcher.look()
    assert watcher.lines()[4].endswith(f"Pipeline {run}: running")
    assert watcher.lines()[6].startswith("  validate: completed")
    end(made.api, run, "failed", "words")
    watcher.look()
    assert watcher.lines()[8].endswith(f"Pipeline {run}: failed")
    assert watcher.lines()[-1].endswith("] failed: churn failed")
