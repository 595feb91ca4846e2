"""`flows runs`: what is told of runs, from what runs leave in the backend."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearml_flows.backend.client import Api
from clearml_flows.cli.main import main
from clearml_flows.run.ending import PROCESS
from clearml_flows.run.history import resumed
from clearml_flows.run.options import How
from clearml_flows.settings import load
from tests.e2e.conftest import make_place
from tests.support.agents import backend_api
from tests.support.backend import running_backend
from tests.support.pipeline_runs import Runs


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    place = make_place(tmp_path_factory.mktemp("runs") / "project")
    with running_backend(place.folder / ".flows") as backend, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWS_SETTINGS", str(place.folder / "settings.toml"))
        api = backend_api(backend)
        yield api
        api.close()


@pytest.fixture
def project(api: Api) -> Iterator[str]:
    """The hidden project of the churn pipelines, without any run."""
    name = f"{load().project.name}/.pipelines/churn"
    project = str(api.call("projects.create", name=name, system_tags=["hidden", "pipeline"])["id"])
    yield project
    api.call("projects.delete", project=project, force=True, delete_contents=True)


@pytest.fixture
def made(api: Api, project: str) -> Runs:
    return Runs(api, project)


def runs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["runs", *arguments])


def told(*arguments: str) -> Any:
    done = runs(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def cache_of(run: str) -> dict[str, str]:
    return {step["name"]: step["cache"] for step in told("show", run)["steps"]}


def test_without_runs_it_is_said_so(made: Runs) -> None:
    assert told("list") == []
    assert "no flow has run yet" in runs().stderr
    assert runs("show").exit_code == 2


def test_runs_are_listed_from_the_newest(made: Runs) -> None:
    first, second = made.run("completed"), made.run("failed")
    made.task("sweep", status="completed")
    listed = told("list")
    assert [one["id"] for one in listed] == [second, first]
    assert [(one["name"], one["flow"], one["status"], one["message"]) for one in listed] == [
        ("churn #2", "churn", "failed", "words"),
        ("churn", "churn", "completed", None),
    ]
    assert all(one["seconds"] >= 0 and one["backend"] == "embedded" for one in listed)
    assert [one["id"] for one in told("list", "--last", "1")] == [second]


def test_why_steps_were_cached_or_not(made: Runs) -> None:
    first = made.run("completed")
    validate = made.step("validate", first, raw='{"sha256": "a", "rows": 1}')
    features = made.step("features", first, seed="1", split="x")
    sweep = made.step("train_sweep", first, metric="roc_auc")
    made.draw(first, download=made.step("download", first), validate=validate, features=features, train_sweep=sweep)
    second = made.run()
    download = made.step("download", second)
    again = made.step("features", second, seed="2", split="x")
    sweep = made.step("train_sweep", second, code="other", metric="roc_auc")
    made.draw(second, download=download, validate=validate, features=again, train_sweep=sweep)
    why = cache_of(first)
    assert why["download"] == "not cached: this step always runs"
    assert why["validate"] == "not cached: no earlier run completed this step"
    why = cache_of(second)
    assert why["validate"].startswith(f"cached: equal hash to task {validate[:8]}, completed ")
    assert why["validate"].endswith(f" of run {first[:8]}")
    assert why["features"].startswith(f"not cached: seed changed from 1 to 2, compared with task {features[:8]}")
    assert why["train_sweep"].startswith("not cached: its code changed, compared with task")


def test_which_part_of_a_reference_changed_is_told(made: Runs) -> None:
    first, second = made.run("completed"), made.run("completed")
    validate = [
        made.step("validate", run, raw=json.dumps({"sha256": sha256, "rows": 1}), schema="x" * 100 + sha256)
        for run, sha256 in ((first, "a"), (second, "b"))
    ]
    made.draw(second, validate=validate[1])
    assert cache_of(second)["validate"].startswith("not cached: raw changed (sha256); schema changed, compared with")


def test_a_run_without_the_cache_says_so(made: Runs) -> None:
    run = made.run("completed", no_cache="True")
    step = made.step("validate", run)
    item = {"name": "Pipeline", "type": "json", "value": json.dumps({"validate": {"job_id": step}})}
    made.api.call("tasks.edit", task=run, configuration={"Pipeline": item}, force=True)
    assert cache_of(run)["validate"] == "not cached: the run was started with --no-cache"


def test_a_run_is_shown_with_its_steps(made: Runs) -> None:
    run = made.run("failed")
    done, broken = made.step("download", run), made.step("validate", run, status="failed")
    made.api.call("workers.status_report", worker="one:0", timestamp=0, task=broken)
    made.draw(run, download=done, validate=broken, features="")
    found = told("show", run[:10])
    assert found["id"] == run
    assert found["web_url"].endswith(f"/pipelines/{made.project}/experiments/{run}")
    assert [step["status"] for step in found["steps"]] == ["completed", "failed", "pending"]
    assert [step["worker"] for step in found["steps"]] == [None, "one:0", None]
    assert [step["message"] for step in found["steps"]] == [None, "words", None]
    assert "validate: words" in runs("show", run).stdout
    assert told("show")["id"] == run


def test_looking_at_a_run_that_died_marks_it(made: Runs) -> None:
    run = made.run()
    step = made.step("validate", run, status="in_progress")
    assert told("list")[0]["status"] == "in_progress"
    item = {"section": "properties", "name": PROCESS, "value": f"{socket.gethostname()} 1 1.0"}
    made.api.call("tasks.edit_hyper_params", task=run, hyperparams=[item], force=True)
    [listed] = told("list")
    assert (listed["status"], listed["message"]) == (
        "failed",
        f"its process 1 on {socket.gethostname()} was lost",
    )
    assert made.api.call("tasks.get_by_id", task=step)["task"]["status"] == "failed"


def test_stop_ends_the_run_and_its_steps(made: Runs) -> None:
    run = made.run()
    step = made.step("validate", run, status="in_progress")
    assert told("stop", run[:12]) == {"id": run, "flow": "churn", "stopped": 2}
    for task in (run, step):
        assert made.api.call("tasks.get_by_id", task=task)["task"]["status"] == "stopped"
    assert "had ended already" in runs("stop", run).stdout


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("completed", "is completed: there is nothing to resume"),
        ("in_progress", "is in_progress; `flows runs stop"),
    ],
)
def test_only_a_run_that_did_not_complete_is_resumed(made: Runs, status: str, sentence: str) -> None:
    run = made.run(status)
    done = runs("resume", run)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: run {run} {sentence}")


@pytest.mark.parametrize(
    ("noted", "queue", "how"),
    [
        ("mock", "", How(resume="run")),
        ("gpu", "", How(resume="run", queue="gpu")),
        ("gpu", "services", How(resume="run", queue="gpu", remote=True)),
    ],
)
def test_a_run_is_resumed_where_it_ran(made: Runs, noted: str, queue: str, how: How) -> None:
    run = made.run("in_progress")
    item = {"section": "pipeline", "name": "default_queue", "value": noted}
    made.api.call("tasks.edit_hyper_params", task=run, hyperparams=[item], force=True)
    if queue:
        made.api.call("tasks.reset", task=run, force=True)
        made.api.call("tasks.enqueue", task=run, queue_name=queue)
        made.api.call("tasks.dequeue", task=run)
        made.api.call("tasks.started", task=run)
    made.api.call("tasks.failed", task=run)
    assert resumed(run[:10]) == ("churn", replace(how, resume=run))


@pytest.mark.parametrize("verb", ["show", "stop", "resume"])
def test_an_unknown_or_ambiguous_id_is_one_sentence(made: Runs, verb: str) -> None:
    made.run()
    done = runs(verb, "zzz")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: there is no run with the id 'zzz'; `flows runs list` lists them\n"
