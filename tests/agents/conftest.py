"""One place with its backend, two agents on `default`, one on `services`, and the runs that the tests here look at."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.run import snapshot
from tests.e2e.conftest import Finished, Place, make_place
from tests.support.agents import Agent, backend_api, running_agent, wait_until, worker_python
from tests.support.backend import Backend, running_backend

PATIENCE = 900.0  # seconds for a run: on an idle machine it takes less than a tenth of that
# Exit codes of a run that completed. What the gate says depends on what other tests put into production here.
COMPLETED = (0, 3)
TELCO = "WA_Fn-UseC_-Telco-Customer-Churn.csv"
CHEAP = json.dumps(
    [
        {"name": "logistic", "family": "LogisticRegression", "params": {"C": 1.0, "max_iter": 500}},
        {"name": "tree", "family": "DecisionTree", "params": {"max_depth": 4}},
        {"name": "forest", "family": "RandomForest", "params": {"n_estimators": 20, "max_depth": 6}},
    ]
)


@dataclass(frozen=True)
class Fleet:
    """A place with a running backend and agents; `python` is what these run steps with."""

    place: Place
    backend: Backend
    api: Api
    python: Path
    workers: tuple[Agent, Agent]
    services: Agent

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.api.call("tasks.get_by_id", task=task_id)["task"])

    def enqueue_clone(self, source: str, queue: str, **edits: str) -> str:
        """Clone a Task, edit hyper-parameters of it (`section__name="value"`), enqueue it, as ClearML's page does."""
        clone = str(self.api.call("tasks.clone", task=source, new_task_name="a clone")["id"])
        parts = [(*key.split("__"), value) for key, value in edits.items()]
        items = [{"section": section, "name": name, "value": value} for section, name, value in parts]
        self.api.call("tasks.edit_hyper_params", task=clone, hyperparams=items, replace_hyperparams="none")
        (found,) = [one["id"] for one in self.api.call("queues.get_all")["queues"] if one["name"] == queue]
        self.api.call("tasks.enqueue", task=clone, queue=found)
        return clone

    def wait_for(self, task_id: str, seconds: float = PATIENCE) -> str:
        """The status that a Task ends with."""
        wait_until(
            lambda: self.task(task_id)["status"] not in snapshot.RUNNING, f"task {task_id} ended", seconds, every=0.5
        )
        return str(self.task(task_id)["status"])


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    quick = {"FLOWS__DATA__ROWS": "600", "FLOWS__CHURN__EXPERIMENTS": CHEAP}
    quick |= {"FLOWS__TRAINING__FOLDS": "2", "FLOWS__TRAINING__REPEATS": "1"}
    place = make_place(folder / "project", **quick)
    python = worker_python(folder / "worker")
    with ExitStack() as stack:
        backend = stack.enter_context(running_backend(place.folder / ".flows"))
        one, two = (
            stack.enter_context(running_agent(backend, python, folder, name, "default")) for name in ("one", "two")
        )
        services = stack.enter_context(running_agent(backend, python, folder, "services", "services", services=True))
        api = backend_api(backend)
        stack.callback(api.close)
        yield Fleet(place, backend, api, python, (one, two), services)


@pytest.fixture(scope="session")
def customers() -> str:
    """The real CSV file where there is one, else made-up customers."""
    folder = os.environ.get("FLOWS_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data"
    file = Path(folder, TELCO)
    return str(file) if file.is_file() else "synthetic"


@pytest.fixture(scope="session")
def local_run(fleet: Fleet, customers: str) -> Finished:
    return fleet.place.flow("--source", customers, "--json", timeout=PATIENCE)


@pytest.fixture(scope="session")
def queue_run(fleet: Fleet, customers: str, local_run: Finished) -> Finished:
    return fleet.place.flow("--source", customers, "--json", "--no-cache", "--queue", "default", timeout=PATIENCE)


@pytest.fixture(scope="session")
def remote_run(fleet: Fleet, customers: str, local_run: Finished) -> Finished:
    return fleet.place.flow("--source", customers, "--json", "--no-cache", "--remote", timeout=PATIENCE)
