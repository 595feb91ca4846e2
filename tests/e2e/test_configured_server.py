"""With a server configured the same command uses it and starts nothing. Another embedded backend plays the server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.localserver import launcher
from tests.e2e.conftest import SMALL, Place, make_place


@pytest.fixture
def server(tmp_path: Path) -> Iterator[launcher.Status]:
    yield launcher.up(tmp_path / "server")
    launcher.down(tmp_path / "server")


@pytest.fixture
def place(tmp_path: Path, server: launcher.Status) -> Place:
    return make_place(
        tmp_path / "project",
        CLEARML_CONFIG_FILE=server.config_file,
        FLOWS__DATA__ROWS="600",
        FLOWS__CHURN__EXPERIMENTS=SMALL,
    )


def test_a_run_on_a_server_promotes_no_made_up_model_and_starts_nothing(place: Place, server: launcher.Status) -> None:
    run = place.flow("--source", "synthetic", "--json", "--no-progress")
    assert run.exit_code == 3, run.stderr
    document = run.document
    assert document["backend"] == "server"
    assert document["status"] == "completed"
    assert document["web_url"].startswith(str(server.web_url))
    assert document["evaluation"]["promoted"] is False
    assert "synthetic" in document["evaluation"]["reason"]
    assert "production" not in document["model"]["tags"]
    assert not (place.folder / ".flows" / "server.json").exists()


def test_auto_never_makes_up_customers_on_a_server(place: Place) -> None:
    run = place.flow("--no-progress", FLOWS__DATA__TIMEOUT="2")
    assert run.exit_code == 1
    assert re.search(r"error: step download failed: no data: .*three ways", run.stderr), run.stderr
