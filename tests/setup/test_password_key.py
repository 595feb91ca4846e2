"""`flows setup --docker`: the server's own user makes a key, once, and none is left behind when it goes wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.server import env_file
from clearml_flows.settings import load
from tests.support.fake_clearml import FakeClearML, fake_clearml
from tests.support.home import Home, make_home


@pytest.fixture
def server() -> Iterator[FakeClearML]:
    with fake_clearml(env_file.USER, "not known yet") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, server: FakeClearML, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One where `flows server up --docker` has made its .env."""
    for name in ("API_HOST", "WEB_HOST", "FILES_HOST"):
        monkeypatch.setenv(f"FLOWS__DOCKER__{name}", server.url)
    home = make_home(tmp_path / "home", monkeypatch)
    folder = home.data_dir / "docker"
    folder.mkdir(parents=True)
    made = env_file.new()
    server.password = made["SERVER_PASSWORD"]
    env_file.write(folder / ".env", {**made, **env_file.from_settings(load().docker)})
    return home


def test_a_key_is_made_once_and_stored(home: Home, server: FakeClearML) -> None:
    done = home.flows("setup", "--docker", "--json")
    assert (done.document["new_key"], done.document["api_host"], done.document["access_key"]) == (
        True,
        server.url,
        "MADE****",
    )
    assert list(server.keys) == ["MADE0"]
    assert server.labels[0].startswith("clearml-flows on ")
    assert 'secret_key: "made-secret-0"' in home.conf.read_text("utf-8")
    assert server.password not in home.conf.read_text("utf-8")
    again = home.flows("setup", "--docker", "--json")
    assert (again.document["new_key"], again.document["changed"]) == (False, False)
    assert list(server.keys) == ["MADE0"]
    # One that was revoked on the page is replaced.
    server.keys.clear()
    assert home.flows("setup", "--docker", "--json").document["new_key"]
    assert 'secret_key: "made-secret-1"' in home.conf.read_text("utf-8")


def test_a_user_of_the_team_gets_a_key_by_password(home: Home, server: FakeClearML) -> None:
    server.user, server.password = "ada", "päss word"
    hosts = ["--api-host", server.url, "--web-host", server.url, "--files-host", server.url]
    command = ["setup", *hosts, "--user", "ada", "--secret-stdin"]
    done = home.flows(*command, stdin="päss word\n")
    done.said("wrote", "with the key MADE****")
    assert "made-secret-0" not in done.stdout
    home.flows(*command, stdin="päss word").said("says that already")
    # A stored key that is good excuses no wrong password.
    for _ in range(2):
        wrong = home.flows(*command, stdin="wrong-pass")
        wrong.refused(5, "does not know this user with this password; nothing was changed")
        assert "wrong-pass" not in wrong.stderr
        home.conf.unlink(missing_ok=True)
    home.flows(*command, stdin="пароль").refused(2, "characters that a login cannot send")
    home.flows(*command[:-1]).refused(2, "there is no password; give it with --secret-stdin")
    home.flows("setup", "--user", "a:b", "--secret-stdin", stdin="x").refused(2, "--user is no name of a user")
    home.flows("setup", "--user", "ada", "--secret-stdin", stdin="x").refused(2, "--api-host is missing")


def test_no_key_is_made_for_a_file_that_cannot_have_it(home: Home, server: FakeClearML) -> None:
    home.conf.write_text("api { [", "utf-8")
    home.flows("setup", "--docker").refused(1, "is not a clearml.conf")
    assert server.asked == []


def test_a_key_that_cannot_be_written_is_revoked(
    home: Home, server: FakeClearML, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", "/proc/clearml.conf")
    home.flows("setup", "--docker").refused(1, "/proc/clearml.conf cannot be written")
    assert server.asked[-1] == "auth.revoke_credentials"
    assert server.keys == {}


def test_another_password_or_no_server(home: Home, server: FakeClearML, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, server.password = server.password, "changed"
    done = home.flows("setup", "--docker")
    done.refused(5, "does not take the password that its .env here has")
    assert secret not in done.stderr
    server.trouble = "auth.login"
    home.flows("setup", "--docker").refused(5, "failed to answer", "nothing was changed")
    server.trouble, server.password = "auth.create_credentials", secret
    home.flows("setup", "--docker").refused(5, "failed to answer (HTTP 500)")
    assert not home.conf.exists()
    (home.data_dir / "docker" / ".env").unlink()
    home.flows("setup", "--docker").refused(1, "no server was set up here", "flows server up --docker")


def test_the_doctor_names_the_command_for_a_server_in_docker_that_is_down(
    home: Home, server: FakeClearML, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.flows("setup", "--docker").said("wrote")
    monkeypatch.setenv("FLOWS__DATA__SOURCE", "synthetic")
    server.trouble = "auth.login"
    done = home.flows("doctor", "--json")
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert (found["backend"]["status"], found["backend"]["fix"]) == ("failed", "flows server up --docker")
    assert found["credentials"]["status"] == "skipped"
    assert found["secrets"]["status"] == "ok"
    assert done.exit_code == 1
