"""A user's mistake is one sentence that names what was found, and its exit code."""

import re
import socket
import time
from pathlib import Path

import pytest

from clearml_flows.lock import run_lock
from tests.e2e.conftest import Finished, Place


def one_sentence(run: Finished, exit_code: int, pattern: str) -> None:
    assert run.exit_code == exit_code, run.stderr
    assert re.search(pattern, run.stderr), run.stderr
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    assert run.stdout == ""


def test_a_missing_csv(place: Place) -> None:
    one_sentence(place.flow("--source", "none.csv", "--no-progress", "--json"), 2, r"none\.csv")


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (["--set", "training.fold=3"], r"no setting 'training\.fold'; did you mean 'training\.folds'\?"),
        (["--set", "training.folds=three"], "training.folds to 'three': input should be a valid integer"),
        (["--set", "training.folds"], r"--set wants table\.key=value"),
    ],
)
def test_a_wrong_setting(place: Place, options: list[str], pattern: str) -> None:
    one_sentence(place.flow(*options, "--json"), 2, pattern)


def test_an_unreachable_server_is_given_up_within_five_seconds(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        run = place.flow(
            "--json",
            CLEARML_API_HOST=f"http://127.0.0.1:{silent.getsockname()[1]}",
            CLEARML_API_ACCESS_KEY="key",
            CLEARML_API_SECRET_KEY="secret",
        )
        seconds = time.monotonic() - began
    one_sentence(run, 5, "no ClearML backend answers at http://127.0.0.1:")
    assert "secret" not in run.stderr
    assert seconds < 4 + 5  # the time allowed to answer, and starting Python on a busy machine
    assert not (place.folder / ".flows" / "server.json").exists()


def test_a_server_without_credentials(place: Place) -> None:
    run = place.flow("--json", CLEARML_API_HOST="http://127.0.0.1:1")
    one_sentence(run, 5, "configured without credentials")


def test_a_port_in_use(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = place.flow("--set", f"server.api_port={port}", "--json")
    one_sentence(run, 1, rf"{port}.*use")


def test_a_run_under_way(place: Place) -> None:
    with run_lock(place.folder / ".flows", "churn"):
        one_sentence(place.flow("--json"), 4, "another run of churn is under way")


def test_a_second_backend_on_the_same_data(place: Place) -> None:
    assert place.flows("server", "up").exit_code == 0
    second = place.python("-m", "clearml_flows.localserver", "serve", "--data-dir", str(place.folder / ".flows"))
    assert second.exit_code == 1
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_dry_run_starts_nothing(place: Place) -> None:
    run = place.flow("--dry-run")
    assert run.exit_code == 0
    assert '"backend": "embedded"' in run.stdout
    assert not (Path(place.folder) / ".flows").exists()
