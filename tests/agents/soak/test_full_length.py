"""The real customers through all 21 experiments, here and on agents: minutes each, so only `make soak` runs them."""

from pathlib import Path
from typing import Any

import pytest

from clearml_flows.run import snapshot
from clearml_flows.run.shards import sweep_of
from tests.agents.conftest import TELCO, Fleet
from tests.e2e.conftest import ROOT, Finished, Place


@pytest.fixture(scope="module")
def whole(fleet: Fleet) -> Place:
    """The fleet's place with the settings as they come."""
    quick = [name for name in fleet.place.environment if name.startswith("FLOWS__")]
    kept = {name: value for name, value in fleet.place.environment.items() if name not in quick}
    assert (ROOT / "settings.toml").read_bytes() == (fleet.place.folder / "settings.toml").read_bytes()
    return Place(fleet.place.folder, kept)


@pytest.fixture(scope="module")
def local(whole: Place, data_folder: Path) -> Finished:
    return whole.flow("--source", str(data_folder / TELCO), "--json", timeout=1800)


@pytest.mark.parametrize(
    "options", [["--queue", "default", "--set", "sweep.shards=2"], ["--remote"]], ids=["two shards", "remote"]
)
def test_all_experiments_have_the_same_scores_on_agents(
    fleet: Fleet, whole: Place, local: Finished, data_folder: Path, options: list[str]
) -> None:
    far = whole.flow("--source", str(data_folder / TELCO), "--json", "--no-cache", *options, timeout=3600)
    assert far.exit_code == local.exit_code == 0, far.stderr
    assert scores(fleet, far) == scores(fleet, local)
    assert len(scores(fleet, far)) == 21
    for key in ("sha256", "rows"):
        assert far.document["dataset"][key] == local.document["dataset"][key]
    assert far.document["model"]["sha256"] == local.document["model"]["sha256"]
    assert far.document["evaluation"]["metrics"] == local.document["evaluation"]["metrics"]
    workers = {fleet.task(step["task_id"])["last_worker"] for step in far.document["steps"]}
    assert workers <= {worker.worker_id for worker in fleet.workers}


def scores(fleet: Fleet, run: Finished) -> list[dict[str, Any]]:
    entries = sweep_of(snapshot.read(fleet.api, run.document["run_id"]))["experiments"]
    return [{key: value for key, value in entry.items() if key != "task_id"} for entry in entries]
