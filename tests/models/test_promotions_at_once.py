"""Two processes that promote at the same moment."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from clearml_flows.backend.client import Api
from tests.support.backend import Backend, running_backend

ROOT = Path(__file__).parents[2]
ROUNDS = 6
CREDENTIALS = """
import json
from clearml.backend_api import Session
session = Session()
print(json.dumps([session.host, session.access_key, session.secret_key]))
"""


class Racer:
    def __init__(self, backend: Backend, *models: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.support.promotion_racer", *models]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, env=backend.env(), stdin=pipe, stdout=pipe, text=True)

    @staticmethod
    def _open(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream

    def go(self) -> None:
        stdin = self._open(self.process.stdin)
        stdin.write("\n")
        stdin.flush()

    def answer(self) -> dict[str, Any]:
        return dict(json.loads(self._open(self.process.stdout).readline()))

    def end(self) -> None:
        self._open(self.process.stdin).close()
        self._open(self.process.stdout).close()
        self.process.wait(20)


@contextmanager
def racers(backend: Backend, *models: list[str]) -> Iterator[list[Racer]]:
    started = [Racer(backend, *mine) for mine in models]
    try:
        yield started
    finally:
        for racer in started:
            racer.end()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    with running_backend(tmp_path / "data") as backend:
        yield backend


@pytest.fixture
def api(backend: Backend) -> Iterator[Api]:
    command = [sys.executable, "-W", "ignore", "-c", CREDENTIALS]
    told = subprocess.run(command, env=backend.env(), capture_output=True, text=True, timeout=60, check=True)
    api = Api(*json.loads(told.stdout.splitlines()[-1]))
    yield api
    api.close()


@pytest.fixture
def models(api: Api) -> list[str]:
    project = api.call("projects.create", name="models", description="")["id"]
    return [api.call("models.create", name="churn", project=project, uri=f"file:///{n}")["id"] for n in range(4)]


def in_production(api: Api) -> list[str]:
    found = api.call("models.get_all", tags=["production"], only_fields=["id"])["models"]
    return [model["id"] for model in found]


def moves(api: Api) -> list[dict[str, Any]]:
    found = api.call("models.get_all", only_fields=["id", "metadata"])["models"]
    items = [item for model in found for item in (model.get("metadata") or {}).values()]
    return sorted((json.loads(item["value"]) for item in items), key=lambda move: int(move["number"]))


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    backend: Backend, api: Api, models: list[str]
) -> None:
    winners = []
    with racers(backend, models[:2], models[2:]) as both:
        for _ in range(ROUNDS):
            for racer in both:
                racer.go()
            for racer in both:
                racer.answer()
            for racer in both:
                racer.go()
            # Looked at while both are at it: never two, and one at the end.
            assert len(in_production(api)) <= 1
            ended = [racer.answer() for racer in both]
            assert sorted(bool(one["problem"]) for one in ended) == [False, True], ended
            winner = next(one["model"] for one in ended if not one["problem"])
            assert next(one["problem"] for one in ended if one["problem"]).startswith(
                f"production moved to {winner} meanwhile"
            )
            assert in_production(api) == [winner]
            winners.append(winner)
    kept = moves(api)
    assert [move["number"] for move in kept] == list(range(1, ROUNDS + 1))
    assert [move["to"] for move in kept] == winners
    assert [move["from"] for move in kept] == ["", *winners[:-1]]
    assert {move["state"] for move in kept} == {"done"}
    assert not [queue for queue in api.call("queues.get_all")["queues"] if "promotion" in queue["name"]]
