"""Which steps run again: with --no-cache, with --force, and when a run is resumed. Shown on a flow that counts."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.run import snapshot
from tests.e2e.conftest import ROOT, make_place
from tests.support.agents import backend_api
from tests.support.backend import Backend, running_backend

STEPS = ["world", "work", "last"]


class Counting:
    """The flow of tests/support/cache_flow.py, run as the launcher runs a controller."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.folder, self.backend, self.run_id = folder, backend, ""
        self.environment = make_place(folder / "project").environment

    def run(self, factor: str = "0.5", **variables: str) -> str:
        """The status of a new run."""
        run_file = self.folder / "run"
        run_file.unlink(missing_ok=True)
        own = {"CLEARML_CONFIG_FILE": self.backend.status.config_file, "FLOWS_RUN_FILE": str(run_file)}
        done = subprocess.run(
            [sys.executable, "-P", str(ROOT / "tests" / "support" / "cache_flow.py"), str(self.folder), factor],
            env=self.environment | own | variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert run_file.is_file(), done.stderr
        self.run_id = run_file.read_text("utf-8")
        return str(self.api.call("tasks.get_by_id", task=self.run_id)["task"]["status"])

    @property
    def api(self) -> Api:
        return backend_api(self.backend)

    def counts(self) -> list[int]:
        files = [self.folder / name for name in STEPS]
        return [len(file.read_text("utf-8")) if file.is_file() else 0 for file in files]

    def steps(self) -> dict[str, str]:
        return {step.name: step.status for step in snapshot.read(self.api, self.run_id).steps}


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    folder = tmp_path_factory.mktemp("counting")
    with running_backend(folder / "data") as backend:
        yield Counting(folder, backend)


def test_what_runs_again(counting: Counting) -> None:
    broken = counting.folder / "broken"
    broken.touch()
    assert counting.run(FLOWS_FRESH="1") == "failed"
    assert counting.counts() == [1, 1, 1]
    broken.unlink()
    failed = counting.run_id
    # Another parameter on the command line does not count: a run is resumed with its own.
    assert counting.run("0.75", FLOWS_RESUME=failed) == "completed"
    assert counting.counts() == [1, 1, 2]
    assert counting.steps() == {"world": "cached", "work": "cached", "last": "completed"}
    parameters = counting.api.call("tasks.get_by_id", task=counting.run_id)["task"]["hyperparams"]
    assert parameters["Args"]["factor"]["value"] == "0.5"
    assert parameters["run"]["resume"]["value"] == failed
    # A run that ignored the cache serves the next one; what always runs does so.
    assert counting.run() == "completed"
    assert counting.counts() == [2, 1, 2]
    assert counting.run(FLOWS_FORCE="work") == "completed"
    assert counting.counts() == [3, 2, 2]
    assert counting.steps() == {"world": "completed", "work": "completed", "last": "cached"}
