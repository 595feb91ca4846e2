"""`flows server up|down|status|logs --docker`, against a docker that plays the engine."""

import base64
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
from filelock import FileLock

from clearml_flows import project
from clearml_flows.errors import FlowsError
from clearml_flows.server import docker_command, env_file, machine
from clearml_flows.server.access import access
from clearml_flows.settings import load
from tests.server.conftest import Docker

SECRETS = 13


def test_up_makes_secrets_starts_and_says_where_things_are(docker: Docker) -> None:
    done = docker.ok("up")
    values = docker.values()
    assert f"http://localhost:{values['SERVER_WEB_PORT']}" in done.stdout
    assert "flows setup --docker" in done.stdout
    assert str(docker.env_file) in done.stdout
    assert [call for call in docker.calls() if "ps " not in call] == [
        "info --format {{json .}}",
        "compose version --short",
        "context inspect --format {{.Endpoints.docker.Host}}",
        "volume ls --format {{.Name}}",
        "compose pull --quiet --ignore-buildable --policy missing",
        "compose up --detach --remove-orphans",
    ]
    secrets = {values[name] for name in env_file.SECRETS}
    assert len(secrets) == SECRETS
    assert not [secret for secret in secrets if secret in done.output]
    [user] = json.loads(values["SERVER_USERS"])
    assert bcrypt.checkpw(values["SERVER_PASSWORD"].encode(), base64.b64decode(user["password"]))


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_the_secrets_are_their_owners(docker: Docker) -> None:
    docker.ok("up")
    assert stat.S_IMODE(docker.env_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(docker.env_file.parent.stat().st_mode) == 0o700


def test_up_again_keeps_the_secrets_and_takes_new_settings(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.ok("up")
    before = docker.values()
    monkeypatch.setenv("FLOWS__DOCKER__ELASTIC_MEMORY", "7g")
    docker.ok("up")
    assert docker.values() == before | {"SERVER_ELASTIC_MEMORY": "7g"}


def test_agents_are_started_by_choice(docker: Docker) -> None:
    docker.ok("up", "--agents")
    assert {"door", "agent_default", "agent_services"} <= docker.services().keys()
    assert "compose --profile agents up --detach --remove-orphans --build" in docker.calls()


def test_agents_need_a_checkout(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.create(tmp_path / "shop")
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "shop" / "settings.toml"))
    assert docker.refused("up", "--agents") == (
        "error: the image of agents is built in a checkout of clearml-flows, which this is not; start agents with "
        "`flows agent start`, or in a checkout"
    )
    assert docker.calls() == []


def test_hosts_behind_a_proxy(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, label in (("API", "api"), ("WEB", "app"), ("FILES", "files")):
        monkeypatch.setenv(f"FLOWS__DOCKER__{name}_HOST", f"https://{label}.clearml.example.com")
    docker.ok("up")
    values = docker.values()
    assert values["SERVER_ORIGINS"] == '["https://app.clearml.example.com"]'
    assert (values["SERVER_COOKIE_SECURE"], values["SERVER_COOKIE_DOMAIN"]) == ("true", '".clearml.example.com"')
    monkeypatch.delenv("FLOWS__DOCKER__API_HOST")
    assert "docker.api_host; name all three" in docker.refused("up")


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"engine": "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."}, "start Docker"),
        ({"engine": "permission denied while trying to connect to the Docker daemon socket"}, "group docker"),
        ({"compose": ""}, "no compose plugin"),
        ({"compose": "2.10.2"}, "compose plugin is 2.10.2 and 2.22 is needed"),
        ({"memory": 4 * 2**30}, "has 4.0 GB of memory and the server needs 8 GB"),
        ({"fails": {"pull": "manifest unknown"}}, "cannot fetch the images"),
        ({"fails": {" up ": "no space left on device"}}, "cannot start the server's containers"),
        ({"ill": {"apiserver": "unhealthy"}}, "apiserver (unhealthy); flows server logs apiserver --docker says why"),
    ],
)
def test_what_is_in_the_way_is_one_sentence(docker: Docker, plan: dict[str, str], sentence: str) -> None:
    docker.plan(**plan)
    assert sentence in docker.refused("up")
    docker.plan()
    docker.ok("up")


def test_a_part_that_stays_on_its_way_up(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.plan(ill={"elasticsearch": "starting"}, old_json=True)
    monkeypatch.setenv("FLOWS__DOCKER__WAIT", "0.3")
    assert "not healthy within 0 seconds (docker.wait): elasticsearch (starting)" in docker.refused("up")


def test_the_machine_is_looked_at_before_anything_is_made(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.plan(memory=2**30)
    machine.MAP_COUNT.write_text("65530\n")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("FLOWS__DOCKER__API_PORT", str(other.getsockname()[1]))
        done = docker.server("up")
    assert (done.exit_code, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error"] * 3
    assert "sudo sysctl -w vm.max_map_count=524288" in lines[1]
    assert "stop that, or name another port in [docker]" in lines[2]
    assert not docker.env_file.exists()
    assert docker.volumes() == []


def test_ports_of_the_running_server_are_not_in_its_way(docker: Docker) -> None:
    docker.has_a_server()
    with socket.socket() as apiserver:
        apiserver.bind(("127.0.0.1", int(docker.values()["SERVER_API_PORT"])))
        apiserver.listen()
        docker.ok("up")
        docker.ok("down")
        assert "is taken" in docker.refused("up")


@pytest.mark.parametrize("lost", ["SERVER_TOKEN_SECRET", "SERVER_GENERATION", "SERVER_USERS"])
def test_a_half_written_env_is_refused_by_what_it_lacks(docker: Docker, lost: str) -> None:
    docker.has_a_server()
    whole = docker.env_file.read_text()
    half = whole[: whole.index(lost) + len(lost) + 2]
    docker.env_file.write_text(half)
    assert lost in docker.refused("up")
    assert docker.env_file.read_text() == half
    docker.env_file.write_text(whole)
    docker.ok("up")


def test_data_without_its_env_gets_new_secrets_unless_there_is_doubt(docker: Docker) -> None:
    docker.volume("mongo", 4).mkdir()
    docker.ok("up")
    assert docker.values()["SERVER_GENERATION"] == "4"
    docker.env_file.unlink()
    docker.volume("mongo", 5).mkdir()
    assert "clearml-flows_mongo_4, clearml-flows_mongo_5" in docker.refused("up")


def test_status(docker: Docker) -> None:
    assert "flows server up --docker" in docker.server("status").stderr
    docker.has_a_server()
    assert "apiserver      healthy" in docker.ok("status").stdout
    docker.plan(ill={"redis": "unhealthy"})
    done = docker.server("status", "--json")
    assert done.exit_code == 5
    found = json.loads(done.stdout)
    assert (found["running"], found["user"]) == (False, "flows")
    assert {"name": "redis", "state": "running", "health": "unhealthy"} in found["services"]


def test_logs(docker: Docker) -> None:
    assert "no server has been set up here" in docker.refused("logs")
    docker.has_a_server()
    docker.calls()
    docker.ok("logs", "apiserver", "-n", "7")
    assert docker.calls()[-1] == "compose --profile agents logs --no-color --timestamps --tail 7 apiserver"
    assert "no container nginx; it has apiserver, async_delete" in docker.refused("logs", "nginx")


def test_down_keeps_the_data_and_with_volumes_asks(docker: Docker) -> None:
    assert docker.ok("down").stdout == "no server was there\n"
    docker.ok("up")
    assert docker.ok("down").stdout == "stopped\n"
    assert len(docker.volumes()) == 5
    docker.ok("up")
    assert docker.server("down", "--volumes").exit_code == 1
    assert docker.services()
    assert docker.env_file.exists()
    docker.ok("down", "--volumes", "--yes")
    assert (docker.volumes(), docker.services(), docker.env_file.exists()) == ([], {}, False)


def test_one_at_a_time(docker: Docker) -> None:
    docker.has_a_server()
    with FileLock(docker.env_file.with_name("docker.lock")):
        assert "another `flows server … --docker` is at work" in docker.refused("up", code=4)


def test_variables_of_the_shell_do_not_reach_compose(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    told = docker.home / "told"
    command = Path(str(shutil.which("docker")))
    command.write_text(command.read_text().replace("exec ", f"env > {told}\nexec ", 1))
    monkeypatch.setenv("SERVER_TOKEN_SECRET", "of-another")
    monkeypatch.setenv("COMPOSE_FILE", "/elsewhere.yaml")
    docker.ok("up")
    assert "of-another" not in told.read_text()
    assert "elsewhere" not in told.read_text()


def test_without_docker(docker: Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for verb in (["up"], ["down"], ["status"], ["logs"], ["backup", "x"], ["upgrade"]):
        assert "install Docker" in docker.refused(*verb)


@pytest.mark.skipif(shutil.which("docker") is None, reason="the command docker is not installed")
def test_the_real_client_with_an_engine_that_is_down(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(os.environ["PATH"].split(os.pathsep)[1:]))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker.home}/no.sock")
    assert "the Docker engine does not answer; start Docker" in docker.refused("up")
    assert not docker.env_file.exists()


def test_options_of_the_other_backend_are_refused(docker: Docker) -> None:
    assert "docker.api_port" in docker.refused("up", "--api-port", "1", code=2)
    command = [sys.executable, "-m", "clearml_flows", "server", "down", "--volumes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`flows server reset`" in done.stderr


def test_whoever_makes_a_key_learns_the_password_but_does_not_print_it(docker: Docker) -> None:
    assert access(load()) is None
    docker.has_a_server()
    found = access(load())
    assert found is not None
    assert (found.user, found.password) == ("flows", docker.values()["SERVER_PASSWORD"])
    assert found.password not in repr(found)


def test_another_checkouts_server_is_not_taken_over(docker: Docker) -> None:
    docker.volume("mongo").mkdir()
    docker.plan(started_from="/elsewhere/docker/compose.yaml")
    assert "of /elsewhere/docker/compose.yaml; use that one" in docker.refused("up")
    assert not docker.env_file.exists()


def test_an_engine_that_does_not_answer_in_time(docker: Docker) -> None:
    docker.plan(hangs_in="v")
    with pytest.raises(FlowsError, match=r"docker cannot look: no answer within 0 seconds; restart Docker"):
        docker_command.ask("run", "--volume", "v:/v", "--create", "/volume", to="look", seconds=0.3)


def test_an_answer_that_is_no_json(docker: Docker) -> None:
    docker.has_a_server()
    docker.plan(old_json="oops")
    assert "its answer is not JSON but 'oops'; upgrade Docker" in docker.refused("up")


def test_lines_by_hand_are_kept_and_riddles_refused(docker: Docker) -> None:
    docker.has_a_server()
    with docker.env_file.open("a") as file:
        file.write("SERVER_SERVICES_MEMORY=6g\r\n# mine\n")
    docker.ok("up")
    assert docker.values()["SERVER_SERVICES_MEMORY"] == "6g"
    with docker.env_file.open("a") as file:
        file.write("export X = 1\n")
    assert "is not NAME='value'; mend or remove it" in docker.refused("up")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere; modes are POSIX's")
def test_a_data_directory_that_cannot_be_written_to(docker: Docker) -> None:
    docker.data.mkdir(mode=0o500)
    assert "cannot be used: Permission denied; see server.data_dir" in docker.refused("up")


def test_a_file_where_the_data_directory_should_be(docker: Docker) -> None:
    docker.data.write_text("a file")
    assert "cannot be used" in docker.refused("up")
    docker.data.unlink()
    docker.env_file.mkdir(parents=True)
    assert "cannot be read" in docker.refused("up")


def test_volumes_without_their_env_can_be_removed(docker: Docker) -> None:
    docker.volume("mongo", 3).mkdir()
    docker.ok("down", "--volumes", "--yes")
    assert docker.volumes() == []
