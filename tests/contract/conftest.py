"""The backends of the contract suite: the embedded one, and a real server when CONTRACT_API_HOST names one.

A real server also needs CONTRACT_WEB_HOST, CONTRACT_FILES_HOST, CONTRACT_ACCESS_KEY and CONTRACT_SECRET_KEY.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.contract.server import Server, named_server
from tests.support.backend import running_backend

KINDS = ["embedded", "server"] if os.environ.get("CONTRACT_API_HOST") else ["embedded"]


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A backend for all tests; what they create there is removed at the end."""
    folder = tmp_path_factory.mktemp("contract")
    answers = folder / "answers"
    answers.mkdir()
    project = f"contract-{uuid.uuid4().hex[:12]}"
    if request.param == "server":
        yield from _cleaned(Server("server", named_server(folder), project, answers))
        return
    with running_backend(folder / "data") as backend:
        yield from _cleaned(Server("embedded", backend.env(), project, answers))


def _cleaned(server: Server) -> Iterator[Server]:
    yield server
    left = server.run("clean", server.project)
    assert left.document == {"projects": [], "queues": [], "tasks": []}
