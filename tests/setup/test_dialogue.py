"""`flows setup` at a terminal: what it asks, that a secret is never shown, and that breaking off changes nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from clearml_flows.localserver.credentials import CREDENTIALS
from tests.support.backend import Backend, running_backend
from tests.support.home import Home, make_home
from tests.support.terminal import Terminal, at_a_terminal

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "ignore", "-m", "clearml_flows", "setup"]


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def keys(backend: Backend) -> tuple[str, str]:
    stored = json.loads(Path(backend.status.data_dir, CREDENTIALS).read_text("utf-8"))
    return stored["access_key"], stored["secret_key"]


def environment(home: Home) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def terminal(home: Home, *options: str) -> AbstractContextManager[Terminal]:
    return at_a_terminal([*COMMAND, *options], environment(home))


def test_each_part_is_asked_for_and_the_secret_is_not_shown(
    home: Home, backend: Backend, keys: tuple[str, str]
) -> None:
    with terminal(home) as screen:
        screen.answer("Paste the block", "")
        screen.answer("API [http://localhost:8008]: ", backend.api_url)
        screen.answer("Pages: ", backend.api_url)
        screen.answer("File server: ", backend.files_url)
        screen.answer("Access key: ", keys[0])
        screen.answer("Secret key (not shown): ", keys[1])
        assert screen.end() == 0
    assert keys[0] in screen.shown
    assert keys[1] not in screen.shown
    assert f"wrote {home.conf}" in screen.shown
    # A second time, Enter keeps each.
    with terminal(home) as screen:
        screen.answer("Paste the block", "")
        for question in (f"API [{backend.api_url}]", "Pages [", "File server [", f"Access key [{keys[0]}]"):
            screen.answer(question, "")
        screen.answer("Secret key, or Enter for the one that is stored (not shown): ", "")
        assert screen.end() == 0
    assert "says that already" in screen.shown
    assert keys[1] not in screen.shown


def test_the_block_of_the_page_can_be_pasted_and_is_not_shown(
    home: Home, backend: Backend, keys: tuple[str, str]
) -> None:
    block = Path(backend.status.config_file).read_text("utf-8").partition("sdk {")[0]
    with terminal(home) as screen:
        screen.wait_for("Paste the block")
        screen.wait_for("(not shown):")
        screen.wait_until_hidden()
        screen.type(block)
        assert screen.end() == 0
        assert screen.echoes()
    assert "credentials" not in screen.shown.partition("(not shown):")[2].partition("logged in")[0]
    assert keys[1] not in screen.shown
    assert keys[1] in home.conf.read_text("utf-8")


@pytest.mark.parametrize(("question", "key"), [("API", "\x04"), ("Secret key", "\x03")], ids=["ctrl-d", "ctrl-c"])
def test_breaking_off_is_a_sentence_and_changes_nothing(home: Home, backend: Backend, question: str, key: str) -> None:
    home.conf.write_text("# mine\n", "utf-8")
    named = (
        ["--access-key", "k"]
        if question == "API"
        else [
            *("--api-host", backend.api_url, "--web-host", backend.api_url),
            *("--files-host", backend.files_url, "--access-key", "k"),
        ]
    )
    with terminal(home, *named) as screen:
        screen.wait_for(question)
        screen.type(key)
        assert screen.end() == 1
        assert screen.echoes()
    assert "error: interrupted; nothing was changed" in screen.shown
    assert "Traceback" not in screen.shown
    assert home.conf.read_text("utf-8") == "# mine\n"


def test_a_wrong_answer_is_told_at_once(home: Home) -> None:
    with terminal(home) as screen:
        screen.answer("Paste the block", "")
        screen.answer("API [", "localhost:8008")
        assert screen.end() == 2
    assert "error: --api-host is 'localhost:8008', which is no URL: did you mean http://localhost:8008?" in screen.shown


def test_a_closed_stdin_is_a_sentence(home: Home) -> None:
    script = f"exec {' '.join(COMMAND)} --api-host http://127.0.0.1:1 --access-key k --secret-stdin <&-"
    done = subprocess.run(
        ["sh", "-c", script], env=environment(home), capture_output=True, text=True, timeout=90, check=False
    )
    assert (done.returncode, done.stderr) == (2, "error: stdin is empty or closed; pipe the secret in\n")
