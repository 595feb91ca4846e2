"""`flows server users --docker`."""

import base64
import json

import bcrypt
import pytest
from click.testing import CliRunner

from clearml_flows.cli.main import main
from tests.server.conftest import Docker

PASSWORD = "correct horse battery"


def add(name: str, password: str) -> str:
    command = ["server", "users", "--docker", "--add", name, "--password-stdin"]
    done = CliRunner().invoke(main, command, input=f"{password}\n")
    assert password not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.stdout if done.exit_code == 0 else f"{done.exit_code} {done.stderr}"


def may_log_in(docker: Docker, name: str, password: str) -> bool:
    users = {user["username"]: user["password"] for user in json.loads(docker.values()["SERVER_USERS"])}
    return bcrypt.checkpw(password.encode(), base64.b64decode(users[name]))


def test_users_come_and_go(docker: Docker) -> None:
    assert "no server has been set up here" in docker.refused("users")
    docker.has_a_server()
    before = docker.values()
    assert add("ada", PASSWORD).startswith("ada may log in once")
    assert add("ada", PASSWORD + "!").startswith("ada has a new password")
    assert docker.ok("users").stdout.split() == ["flows", "ada"]
    assert may_log_in(docker, "ada", PASSWORD + "!")
    docker.ok("up")
    assert {**docker.values(), "SERVER_USERS": ""} == {**before, "SERVER_USERS": ""}
    docker.ok("users", "--remove", "ada")
    assert docker.ok("users").stdout.split() == ["flows"]
    assert "there is no user ada; there are flows" in docker.refused("users", "--remove", "ada", code=2)


def test_the_first_user_stays_and_may_change_its_password(docker: Docker) -> None:
    docker.has_a_server()
    assert "stays" in docker.refused("users", "--remove", "flows", code=2)
    add("flows", PASSWORD)
    assert docker.values()["SERVER_PASSWORD"] == PASSWORD
    assert may_log_in(docker, "flows", PASSWORD)
    docker.ok("up")


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("a b", PASSWORD), ("a'b", PASSWORD), ("x" * 65, PASSWORD), ("ada", "short"), ("ada", "ü" * 37)],
)
def test_what_will_not_do_changes_nothing(docker: Docker, name: str, password: str) -> None:
    docker.has_a_server()
    before = docker.env_file.read_text()
    add(name, password)
    assert docker.env_file.read_text() == before


def test_a_password_that_the_env_cannot_hold(docker: Docker) -> None:
    docker.has_a_server()
    assert "no single quote" in add("flows", "it's a long password")
    assert add("ada", "it's a long password").startswith("ada may log in")
