"""Runs of the real flows, as a user starts them: `python flows/churn_flow.py` in a project folder of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.installed import install_flows

ROOT = Path(__file__).parents[2]
# Trees, since their numbers are the same on every processor: a run is compared with its record.
SMALL = json.dumps(
    [
        {"name": "forest", "family": "RandomForest", "params": {"n_estimators": 20, "max_depth": 6}},
        {"name": "tree", "family": "DecisionTree", "params": {"max_depth": 4}},
    ]
)


@dataclass(frozen=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.stdout))


@dataclass(frozen=True)
class Place:
    """A folder with settings and data of its own; the code is the checkout's."""

    folder: Path
    environment: dict[str, str]

    def flow(self, *options: str, timeout: float = 300, name: str = "churn", **environment: str) -> Finished:
        return self.python(str(ROOT / "flows" / f"{name}_flow.py"), *options, timeout=timeout, **environment)

    def flows(self, *options: str, **environment: str) -> Finished:
        return self.python("-m", "clearml_flows", *options, timeout=120, **environment)

    def shell(self, script: str) -> Finished:
        """A script of bash, in which `flows` is the installed command, up to the first line that fails."""
        path = install_flows(self.folder / "bin")
        return self._run(["bash", "-euo", "pipefail", "-c", script], 600, {"PATH": path})

    def python(self, *arguments: str, timeout: float = 60, **environment: str) -> Finished:
        return self._run([sys.executable, *arguments], timeout, environment)

    def _run(self, command: list[str], timeout: float, environment: dict[str, str]) -> Finished:
        done = subprocess.run(
            command,
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


def make_place(folder: Path, **environment: str) -> Place:
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    own = {"PYTHONPATH": str(ROOT), "FLOWS_SETTINGS": str(folder / "settings.toml")}
    return Place(folder, {**os.environ, **own, **environment})


@pytest.fixture(scope="session")
def small_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Few synthetic rows and two cheap experiments: a run takes seconds beyond the orchestration."""
    place = make_place(
        tmp_path_factory.mktemp("small") / "project", FLOWS__DATA__ROWS="600", FLOWS__CHURN__EXPERIMENTS=SMALL
    )
    yield place
    place.flows("server", "down")


@pytest.fixture(scope="session")
def first_run(small_place: Place) -> Finished:
    return small_place.flow("--source", "synthetic", "--json")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = make_place(tmp_path / "project")
    yield place
    place.flows("server", "down")
