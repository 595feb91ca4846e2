"""`flows setup --kaggle`: where Kaggle's own client finds the account, and nothing lost or shown."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from clearml_flows.errors import Unreachable
from clearml_flows.settings import load
from clearml_flows.setup.kaggle_account import check_account, read_account
from tests.support.fake_kaggle import Answer, fake_kaggle
from tests.support.home import Home, make_home
from tests.support.http import answering
from tests.support.terminal import at_a_terminal

TOKEN = "KGAT_a-token-that-must-not-show"
PAIR = json.dumps({"username": "ada", "key": "0" * 32})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return make_home(tmp_path / "home", monkeypatch)


def modes(path: Path) -> tuple[int, int]:
    return stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)


def test_a_token_is_stored_where_kaggles_client_looks(home: Home) -> None:
    from kagglesdk import get_access_token_from_env

    done = home.flows("setup", "--kaggle", "--secret-stdin", "--json", stdin=f"{TOKEN}\n")
    path = home.folder / ".kaggle" / "access_token"
    assert done.document == {
        "file": str(path),
        "changed": True,
        "backup": None,
        "kind": "token",
        "verified": False,
        "overruled_by": [],
    }
    assert modes(path) == (0o600, 0o700)
    assert get_access_token_from_env() == (TOKEN, "access_token")
    home.flows("setup", "--kaggle", "--secret-stdin", stdin=TOKEN).said("says that already", "Kaggle was not asked")
    assert TOKEN not in done.stdout


def test_a_kaggle_json_keeps_what_else_it_holds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.folder / ".config" / "kaggle" / "kaggle.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"username": "old", "key": "old", "proxy": "http://p"}', "utf-8")
    done = home.flows("setup", "--kaggle", "--secret-stdin", "--json", stdin=PAIR)
    assert done.document["file"] == str(path)
    assert json.loads(path.read_text("utf-8")) == {**json.loads(PAIR), "proxy": "http://p"}
    assert "old" in Path(done.document["backup"]).read_text("utf-8")
    assert modes(path)[0] == 0o600
    token = home.folder / ".kaggle" / "access_token"
    token.parent.mkdir()
    token.write_text(TOKEN, "utf-8")
    monkeypatch.setenv("KAGGLE_USERNAME", "another")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home.folder / "own"))
    done = home.flows("setup", "--kaggle", "--secret-stdin", "--json", stdin=PAIR)
    assert done.document["file"] == str(home.folder / "own" / "kaggle.json")
    assert done.document["overruled_by"] == [str(token), "KAGGLE_USERNAME"]


def test_the_environment_is_enough(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.flows("setup", "--kaggle").refused(2, "there is no account; give it with --secret-stdin or KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", "k")
    assert home.flows("setup", "--kaggle", "--json").document["kind"] == "key"
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN * 20)
    assert home.flows("setup", "--kaggle", "--json").document["kind"] == "token"
    (home.folder / "token").write_text(TOKEN, "utf-8")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home.folder / "token"))
    home.flows("setup", "--kaggle").said("wrote")
    assert (home.folder / ".kaggle" / "access_token").read_text("utf-8") == f"{TOKEN}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "stdin is empty"),
        ("short", "neither a token"),
        ("hushed words here", "neither a token"),
        ("{hushed", "it is no JSON"),
        ('{"username": "hushed"}', "it has no username and key"),
        ('{"username": "a", "key": 5}', "it has no username and key"),
        ("0123456789abcdef" * 2, "without its user"),
        ("<html>hushed</html>" * 200, "neither a token"),
    ],
)
def test_what_is_no_account_is_refused_and_not_repeated(home: Home, text: str, words: str) -> None:
    done = home.flows("setup", "--kaggle", "--secret-stdin", stdin=text)
    done.refused(2, words)
    assert "hushed" not in done.stderr
    assert not (home.folder / ".kaggle").exists()


def test_files_that_cannot_be_written_or_are_not_kaggles(home: Home) -> None:
    (home.folder / ".kaggle").write_text("a file", "utf-8")
    home.flows("setup", "--kaggle", "--secret-stdin", stdin=TOKEN).refused(1, ".kaggle", "cannot be")
    (home.folder / ".kaggle").unlink()
    (home.folder / ".kaggle").mkdir()
    (home.folder / ".kaggle" / "kaggle.json").write_text("[1]", "utf-8")
    home.flows("setup", "--kaggle", "--secret-stdin", stdin=PAIR).refused(1, "is not a kaggle.json; move it away")
    home.flows("setup", "--kaggle", "--docker").refused(2, "give one of them")


def test_kaggle_can_be_asked_first(home: Home) -> None:
    with fake_kaggle(Answer(body=b"a,b\n1,2\n")) as kaggle:
        check_account(read_account(TOKEN), load(), kaggle.url)
        assert kaggle.requests[-2][1]["Authorization"] == f"Bearer {TOKEN}"
    with (
        fake_kaggle(Answer(401)) as kaggle,
        pytest.raises(Unreachable, match=r"refused the credentials .*nothing was changed"),
    ):
        check_account(read_account(PAIR), load(), kaggle.url)
    unknown = answering(lambda _path: (200, '{"active": false}'))
    with unknown as url, pytest.raises(Unreachable, match="does not know this token"):
        check_account(read_account(TOKEN), load(), url)
    assert "KAGGLE_API_TOKEN" not in os.environ


def test_what_is_pasted_at_a_terminal_is_not_shown(home: Home) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "clearml_flows", "setup", "--kaggle"]
    with at_a_terminal(command, {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}) as screen:
        screen.wait_for("Paste an API token")
        screen.wait_for("(not shown):")
        screen.wait_until_hidden()
        screen.type(f"{TOKEN}\n")
        assert screen.end() == 0
    assert TOKEN not in screen.shown
    assert (home.folder / ".kaggle" / "access_token").read_text("utf-8") == f"{TOKEN}\n"
