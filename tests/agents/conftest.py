"""One place with its backend, two agents on `default` and one on `services`, for all tests here."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.api import Api
from tests.e2e.conftest import SMALL, Place, make_place
from tests.support.agents import Agent, backend_api, running_agent, worker_python
from tests.support.backend import Backend, running_backend


@dataclass(frozen=True)
class Fleet:
    """A place with a running backend and agents; `python` is what these run steps with."""

    place: Place
    backend: Backend
    api: Api
    python: Path
    workers: tuple[Agent, Agent]
    services: Agent


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    quick = {"FLOWS__DATA__ROWS": "600", "FLOWS__CHURN__EXPERIMENTS": SMALL}
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
