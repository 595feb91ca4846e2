"""`flows setup` with a real backend as the server: what is written, what is refused, and that nothing is lost then."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clearml_flows.errors import FlowsError
from clearml_flows.localserver.credentials import CREDENTIALS
from clearml_flows.private_files import replace_private
from clearml_flows.setup.api import derived
from tests.support.backend import Backend, running_backend
from tests.support.command import Done
from tests.support.home import Home, make_home
from tests.support.http import answering

OLD = """# mine
sdk { storage.cache.size = 10 } // keep
api {
    # the hosts
    api_server: https://api.old.example
    credentials { "access_key": "OLD", "secret_key": "old-secret" }
}
"""


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


@pytest.fixture
def good(backend: Backend, keys: tuple[str, str]) -> list[str]:
    """The options that name the backend; the secret comes from stdin."""
    hosts = ["--api-host", backend.api_url, "--web-host", backend.api_url + "/", "--files-host", backend.files_url]
    return ["setup", *hosts, "--access-key", keys[0], "--secret-stdin"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def unchanged(done: Done, home: Home, text: str) -> None:
    assert home.conf.read_text("utf-8") == text
    assert sorted(path.name for path in home.folder.iterdir()) == ["clearml.conf", "settings.toml"]
    assert done.stdout == ""


def test_the_first_setup_writes_a_private_file_with_which_commands_use_the_server(
    home: Home, good: list[str], keys: tuple[str, str], backend: Backend
) -> None:
    done = home.flows(*good, "--json", stdin=f"{keys[1]}\n")
    assert done.document == {
        "file": str(home.conf),
        "changed": True,
        "backup": None,
        "api_host": backend.api_url,
        "web_host": backend.api_url,
        "files_host": backend.files_url,
        "access_key": f"{keys[0][:4]}****",
        "answers": {"web_host": None, "files_host": None},
        "overruled_by": [],
    }
    assert mode(home.conf) == 0o600
    shown = home.flows("setup", "--show", "--json")
    assert shown.document["secret_key"] == "****"
    assert shown.document["sources"]["api_host"] == str(home.conf)
    runs = home.flows("runs", "list", "--json")
    assert runs.document == []
    assert keys[1] not in f"{done}{shown}{runs}"


def test_what_else_the_file_holds_stays_and_the_file_before_is_kept(
    home: Home, good: list[str], keys: tuple[str, str], backend: Backend
) -> None:
    home.conf.write_text(OLD, "utf-8")
    home.conf.chmod(0o644)
    done = home.flows(*good, "--json", stdin=keys[1])
    text = home.conf.read_text("utf-8")
    assert text.startswith(OLD)
    assert f'api.api_server: "{backend.api_url}"\n' in text
    assert f'api.credentials.access_key: "{keys[0]}"\napi.credentials.secret_key: "{keys[1]}"\n' in text
    backup = Path(done.document["backup"])
    assert (backup.name, backup.read_text("utf-8"), mode(backup), mode(home.conf)) == (
        "clearml.conf.bak",
        OLD,
        0o600,
        0o600,
    )
    home.conf.chmod(0o644)
    again = home.flows(*good, "--json", stdin=keys[1])
    assert (again.document["changed"], again.document["backup"]) == (False, None)
    assert (home.conf.read_text("utf-8"), mode(home.conf)) == (text, 0o600)


def test_the_block_of_the_page_may_come_from_stdin(home: Home, backend: Backend, keys: tuple[str, str]) -> None:
    block = Path(backend.status.config_file).read_text("utf-8")
    home.flows("setup", "--secret-stdin", stdin=block).said("logged in", f"wrote {home.conf}")
    home.flows("setup", "--secret-stdin", stdin=block).said("says that already")
    home.flows("setup", "--secret-stdin", stdin="api { nothing: 1 }").refused(2, "has no access_key and secret_key")
    home.flows("setup", "--secret-stdin", stdin="api { x").refused(2, "neither a secret key nor a block")


def test_the_environment_is_enough_and_is_said_to_win(
    home: Home, backend: Backend, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(
        ("API_HOST", "WEB_HOST", "FILES_HOST", "API_ACCESS_KEY", "API_SECRET_KEY"),
        (backend.api_url, backend.api_url, backend.files_url, *keys),
        strict=True,
    ):
        monkeypatch.setenv(f"CLEARML_{name}", value)
    home.flows("setup").said("logged in", "wrote")
    monkeypatch.setenv("FLOWS__CLEARML__API_HOST", "https://api.example.com")
    home.flows("setup").said("says that already", "FLOWS__CLEARML__API_HOST says something else, and wins")


def test_a_link_stays_one_and_another_file_may_be_named(
    home: Home, good: list[str], keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = home.folder / "dotfiles" / "clearml.conf"
    real.parent.mkdir()
    real.write_text(OLD, "utf-8")
    home.conf.symlink_to(real)
    home.flows(*good, stdin=keys[1]).said("wrote")
    assert home.conf.is_symlink()
    assert "# mine" in real.read_text("utf-8")
    assert keys[0] in real.read_text("utf-8")
    monkeypatch.setenv("CLEARML_CONFIG_FILE", "~/elsewhere/own.conf")
    home.flows(*good, stdin=keys[1]).said(str(home.folder / "elsewhere" / "own.conf"))
    assert mode(home.folder / "elsewhere" / "own.conf") == 0o600


def test_a_server_on_this_machine_is_not_looked_for_behind_a_proxy(
    home: Home, good: list[str], keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    home.flows(*good, stdin=keys[1]).said("logged in")
    assert home.flows("runs", "list", "--json").document == []


def test_hosts_that_do_not_answer_are_told(home: Home, good: list[str], keys: tuple[str, str]) -> None:
    good[good.index("--files-host") + 1] = "http://127.0.0.1:1"
    home.flows(*good, stdin=keys[1]).said("http://127.0.0.1:1 does not answer (connection refused or lost)")


def test_wrong_credentials_change_nothing(home: Home, good: list[str]) -> None:
    home.conf.write_text(OLD, "utf-8")
    done = home.flows(*good, stdin="a-wrong-secret")
    done.refused(5, "does not know this access key with this secret key", "nothing was changed")
    assert "a-wrong-secret" not in done.stderr
    unchanged(done, home, OLD)


@pytest.mark.parametrize(
    ("changes", "exit_code", "words"),
    [
        ({"--api-host": "localhost:8008"}, 2, "--api-host is 'localhost:8008', which is no URL: did you mean http://"),
        ({"--api-host": "api.example.com"}, 2, "did you mean https://api.example.com?"),
        ({"--api-host": "http://"}, 2, "--api-host is no URL of a server"),
        ({"--api-host": "http://x:99999"}, 2, "--api-host is no URL of a server"),
        ({"--api-host": "http://user:pass@x"}, 2, "--api-host has a user or a password in it"),
        ({"--files-host": "http://x y"}, 2, "--files-host is no URL of a server"),
        ({"--api-host": "http://127.0.0.1:1"}, 5, "no ClearML backend answers at http://127.0.0.1:1"),
        ({"--access-key": "a b"}, 2, "the access key has characters that no key of ClearML's has"),
        ({"--access-key": ""}, 2, "--access-key is missing"),
        ({"--files-host": ""}, 2, "--files-host is missing"),
    ],
)
def test_what_cannot_be_is_refused(
    home: Home, good: list[str], changes: dict[str, str], exit_code: int, words: str
) -> None:
    home.conf.write_text(OLD, "utf-8")
    for name, value in changes.items():
        good[good.index(name) + 1] = value
    done = home.flows(*good, stdin="secret-that-must-not-show")
    done.refused(exit_code, words)
    assert "must-not-show" not in done.stderr
    unchanged(done, home, OLD)


def test_a_web_page_is_no_api(home: Home, good: list[str]) -> None:
    with answering(lambda _path: (200, "<!doctype html><title>ClearML</title>")) as url:
        good[good.index("--api-host") + 1] = url
        done = home.flows(*good, stdin="x")
    done.refused(5, "answers, but not as a ClearML API does", "nothing was changed")
    assert not home.conf.exists()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "stdin is empty or closed"),
        ("two words", "the secret key has characters"),
        ("é", "the secret key has characters"),
        ("x" * 5000, "the secret key has characters"),
    ],
)
def test_no_secret_or_a_strange_one(home: Home, good: list[str], secret: str, words: str) -> None:
    home.flows(*good, stdin=secret).refused(2, words)


def test_without_a_terminal_nobody_is_asked(home: Home, good: list[str]) -> None:
    home.flows("setup").refused(2, "--api-host is missing; give it, or run this at a terminal")
    home.flows(*good[:-1], stdin="ignored").refused(2, "there is no secret key; give it with --secret-stdin")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"api { api_server: [", "is not a clearml.conf: see line 1"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"#" * 1_000_001, "has more than 1,000,000 bytes"),
        (None, "is a folder, and no file"),
    ],
)
def test_a_file_that_is_no_conf_stays_as_it_is(
    home: Home, good: list[str], keys: tuple[str, str], content: bytes | None, words: str
) -> None:
    home.conf.mkdir() if content is None else home.conf.write_bytes(content)
    home.flows(*good, stdin=keys[1]).refused(1, "clearml.conf", words)
    assert home.conf.is_dir() if content is None else home.conf.read_bytes() == content
    assert len(list(home.folder.iterdir())) == 2


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: os.mknod(path, 0o600 | stat.S_IFSOCK)], ids=["pipe", "socket"]
)
def test_what_is_no_file_is_neither_read_nor_replaced(
    home: Home, good: list[str], keys: tuple[str, str], make: Callable[[Path], None]
) -> None:
    make(home.conf)
    home.flows(*good, stdin=keys[1]).refused(1, "is a device or a pipe, and no file")
    assert not stat.S_ISREG(home.conf.stat().st_mode)
    with pytest.raises(FlowsError, match="is no file; nothing was changed"):
        replace_private(home.conf, "", "text")


@pytest.mark.parametrize("place", ["/proc/clearml.conf", "settings.toml/clearml.conf"])
def test_a_file_that_cannot_be_written(
    home: Home, good: list[str], keys: tuple[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(home.folder / place))
    home.flows(*good, stdin=keys[1]).refused(1, "clearml.conf", "cannot be")
    assert [path.name for path in home.folder.iterdir()] == ["settings.toml"]


def test_the_embedded_backends_own_file_is_not_written(
    home: Home, good: list[str], keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(home.data_dir / "clearml.conf"))
    home.flows(*good, stdin=keys[1]).refused(2, "which the embedded backend writes anew at each start")


def test_hosts_follow_from_each_other() -> None:
    assert derived({"api_host": "http://10.0.0.1:8008"}, "web_host") == "http://10.0.0.1:8080"
    assert derived({"api_host": "https://api.example.com"}, "files_host") == "https://files.example.com"
    assert derived({"web_host": "https://app.example.com"}, "api_host") == "https://api.example.com"
    assert derived({"api_host": "https://example.com"}, "web_host") == ""
