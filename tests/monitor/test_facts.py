"""What is known of a run that has ended when it is told."""

import json
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.errors import Unreachable
from clearml_flows.monitor.facts import ERROR_LINES
from tests.monitor.conftest import Watcher
from tests.support.pipeline_runs import Runs


def facts(watcher: Watcher) -> dict[str, Any]:
    watcher.look()
    [event] = watcher.told.events
    return {"kind": event.kind, "subject": event.subject, **event.facts}


def returned(made: Runs, name: str, run: str, **values: Any) -> str:
    items = {key: {"section": "return", "name": key, "value": json.dumps(value)} for key, value in values.items()}
    return made.task(name, run, hyperparams={"return": items})


def failed_in(made: Runs, message: str = "", console: int = 0, **runtime: str) -> str:
    """A run that failed in its sweep; validate, beside it, was stopped."""
    run = made.run()
    stopped = made.step("validate", run, status="stopped")
    step = made.task("train_sweep", run, "in_progress", runtime=runtime)
    lines = [f"line {number}" for number in range(console)]
    batch = [{"type": "log", "task": step, "msg": line, "timestamp": 1000 + at} for at, line in enumerate(lines)]
    for event in batch:
        made.api.call("events.add", **event)
    made.api.call("tasks.failed", task=step, status_message=message)
    made.draw(run, validate=stopped, train_sweep=step, evaluate="")
    made.api.call("tasks.failed", task=run)
    return run


def test_a_run_that_failed_names_its_step_and_the_end_of_the_steps_own_words(watcher: Watcher, made: Runs) -> None:
    words = "\n".join(f"word {number}" for number in range(ERROR_LINES + 5))
    run = failed_in(made, "exit code 1", console=3, failure=words)
    told = facts(watcher)
    assert (told["kind"], told["subject"]) == ("failed", "churn failed in train_sweep")
    assert told["failed_step"] == "train_sweep"
    assert told["error"].splitlines() == [f"word {number}" for number in range(5, ERROR_LINES + 5)]
    assert told["url"].endswith(f"/pipelines/{made.project}/experiments/{run}")
    assert told["fix"] == f"flows runs resume {run}"
    assert (told["flow"], told["run_id"], told["status"], told["promoted"]) == ("churn", run, "failed", None)
    assert told["seconds"] >= 0


def test_a_step_without_words_of_its_own_is_told_by_what_it_printed_last(watcher: Watcher, made: Runs) -> None:
    failed_in(made, "exit code 1", console=ERROR_LINES + 10)
    told = facts(watcher)["error"].splitlines()
    assert told == ["exit code 1", *(f"line {number}" for number in range(11, ERROR_LINES + 10))]
    assert len(told) == ERROR_LINES


def test_what_a_step_printed_before_it_was_lost_is_not_told_as_its_error(watcher: Watcher, made: Runs) -> None:
    why = "worker gpu:0 was lost: it has not reported for 130 s"
    failed_in(made, why, console=3)
    assert facts(watcher)["error"] == why


def test_what_a_step_had_started_and_that_failed_is_told_with_it(watcher: Watcher, made: Runs) -> None:
    run = made.run()
    step = made.task("train_sweep", run, "in_progress", runtime={"failure": "all 2 experiments failed"})
    for number in (1, 2):
        made.task(f"experiment {number}", step, "failed")
    made.task("experiment 3", step, "completed")
    made.draw(run, train_sweep=step)
    for task in (step, run):
        made.api.call("tasks.failed", task=task)
    assert facts(watcher)["error"].splitlines() == [
        "all 2 experiments failed",
        "experiment 1: words",
        "experiment 2: words",
    ]


def test_what_the_backend_cannot_tell_is_left_out_and_the_rest_is_told(
    watcher: Watcher, made: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_in(made, "exit code 1", console=3)
    call = Api.call

    def without_events(api: Api, endpoint: str, **body: Any) -> dict[str, Any]:
        if endpoint.startswith("events."):
            raise Unreachable("trouble of its own (HTTP 500)")
        return call(api, endpoint, **body)

    monkeypatch.setattr(Api, "call", without_events)
    told = facts(watcher)
    assert (told["error"], told["failed_step"]) == ("exit code 1", "train_sweep")


SWEEP = {
    "dataset": {"id": "d", "sha256": "s"},
    "metric": "roc_auc",
    "count": 2,
    "failed": 1,
    "best": "one",
    "experiments": [{"task_id": "one", "name": "forest", "metrics": {"cv_roc_auc": 0.84}, "status": "completed"}],
}


def completed(made: Runs, promoted: bool, reason: str) -> str:
    run = made.run()
    evaluation = {"metrics": {"test_roc_auc": 0.83, "note": "text"}, "promoted": promoted, "reason": reason}
    sweep, last = (
        returned(made, "train_sweep", run, sweep=SWEEP),
        returned(made, "evaluate", run, evaluation=evaluation),
    )
    made.draw(run, train_sweep=sweep, evaluate=last)
    made.api.call("tasks.completed", task=run)
    return run


def test_a_run_that_completed_tells_its_metrics_and_what_the_gate_said(watcher: Watcher, made: Runs) -> None:
    completed(made, True, "it is better")
    told = facts(watcher)
    assert (told["kind"], told["subject"]) == ("completed", "churn completed")
    assert told["metrics"] == {"cv_roc_auc": 0.84, "test_roc_auc": 0.83}
    assert (told["best"], told["promoted"], told["reason"]) == ("forest", True, "it is better")
    assert (told["failed_step"], told["error"]) == (None, None)


def test_a_run_whose_model_is_not_promoted_is_told_as_that(watcher: Watcher, made: Runs) -> None:
    completed(made, False, "test_roc_auc is below 0.9")
    told = facts(watcher)
    assert (told["kind"], told["subject"]) == ("not_promoted", "churn completed, and its model is not promoted")
    assert (told["status"], told["reason"]) == ("completed", "test_roc_auc is below 0.9")


def test_steps_of_others_that_return_something_else_are_told_without_results(watcher: Watcher, foreign: Runs) -> None:
    run = foreign.run()
    odd = returned(foreign, "evaluate", run, evaluation=[1, 2])
    foreign.draw(run, evaluate=odd, train_sweep=returned(foreign, "train_sweep", run, sweep={"best": 3}))
    foreign.api.call("tasks.completed", task=run)
    told = facts(watcher)
    assert (told["kind"], told["metrics"], told["promoted"]) == ("completed", {}, None)
