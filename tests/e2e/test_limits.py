"""What takes too long is ended, and what may pass is tried again; here, and on agents by the same rules."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.run import ending, snapshot
from tests.e2e.conftest import ROOT, SMALL, Finished, Place, make_place
from tests.support.agents import backend_api
from tests.support.backend import Backend, running_backend


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("limits") / "project"
    return make_place(folder, FLOWS__DATA__ROWS="600", FLOWS__CHURN__EXPERIMENTS=SMALL)


@pytest.fixture(scope="module")
def backend(limited: Place) -> Iterator[Backend]:
    with running_backend(limited.folder / ".flows") as backend:
        yield backend


@pytest.fixture(scope="module")
def api(backend: Backend) -> Iterator[Api]:
    api = backend_api(backend)
    yield api
    api.close()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("run.step_timeout=0.5", "it took longer than the 0.5 s that run.step_timeout allows"),
        ("run.timeout=2", "the run took longer than the 2 s that run.timeout allows"),
    ],
)
def test_what_takes_too_long_fails_with_the_limit_and_leaves_nothing(
    limited: Place, backend: Backend, api: Api, rule: str, told: str
) -> None:
    run = limited.flow("--source", "synthetic", "--json", "--no-cache", "--set", rule)
    assert run.exit_code == 1
    document = run.document
    assert document["status"] == "failed"
    assert f" failed: {told}" in document["error"]
    assert document["error"].startswith("step ")
    assert ending.unfinished(api, document["run_id"]) == []


def retry(limited: Place, backend: Backend, folder: Path, kind: str, passes: int) -> tuple[str, int, Finished]:
    """Run the flow of tests/support/retry_flow.py: the run's id, and how often its first step was started."""
    folder.joinpath("tries").write_text("0", "utf-8")
    variables = {"CLEARML_CONFIG_FILE": backend.status.config_file, "FLOWS_RUN_FILE": str(folder / "run")}
    rules = {"FLOWS__RUN__RETRIES": "2", "FLOWS__RUN__RETRY_WAIT": "0.5"}
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            str(ROOT / "tests" / "support" / "retry_flow.py"),
            str(folder / "tries"),
            kind,
            str(passes),
        ],
        env=limited.environment | variables | rules,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    tries = int((folder / "tries").read_text("utf-8"))
    assert (folder / "run").is_file(), done.stderr
    return (folder / "run").read_text("utf-8"), tries, Finished(done.returncode, done.stdout, done.stderr)


def test_what_may_pass_is_tried_again_and_the_steps_after_it_run(
    limited: Place, backend: Backend, api: Api, tmp_path: Path
) -> None:
    run_id, tries, done = retry(limited, backend, tmp_path, "passing", 3)
    assert done.exit_code == 0, done.stderr + done.stdout
    assert tries == 3
    run = snapshot.read(api, run_id)
    assert run.status == "completed"
    assert [(step.name, step.status) for step in run.steps] == [("shaky", "completed"), ("after", "completed")]
    assert run.step("shaky").progress == "passing failure 2; try 3 of 3 in 1 s"
    assert run.step("after").returns == {"text": "3"}


def test_it_is_given_up_when_it_does_not_pass(limited: Place, backend: Backend, api: Api, tmp_path: Path) -> None:
    run_id, tries, done = retry(limited, backend, tmp_path, "passing", 9)
    assert done.exit_code == 1
    assert tries == 3
    run = snapshot.read(api, run_id)
    assert run.status == "failed"
    assert (run.step("shaky").status, run.step("shaky").message) == ("failed", "passing failure 3")
    assert run.step("after").status == "pending"


def test_what_fails_for_its_data_is_not_tried_again(limited: Place, backend: Backend, api: Api, tmp_path: Path) -> None:
    run_id, tries, done = retry(limited, backend, tmp_path, "lasting", 9)
    assert done.exit_code == 1
    assert tries == 1
    assert snapshot.read(api, run_id).step("shaky").message == "lasting failure 1"
