"""docker/compose.yaml, rule by rule, for every service."""

import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from clearml.utilities.pyhocon import ConfigFactory

from clearml_flows.cli.main import main
from clearml_flows.server import env_file, relay
from clearml_flows.server.stack import VOLUMES, Stack
from clearml_flows.settings import Docker

FILE = Path(__file__).parents[2] / "docker" / "compose.yaml"
TEXT = FILE.read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DATABASES = {"mongo", "elasticsearch", "redis"}
SERVER = {"apiserver", "fileserver", "webserver", "async_delete"}
POWERS = {"CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"}
AGENTS = {"door", "agent_default", "agent_services"}
# The server's manual, "Server Credentials and Secrets", names these ten settings.
TEN = {
    "CLEARML__SECURE__HTTP__SESSION_SECRET__APISERVER",
    "CLEARML__SECURE__AUTH__TOKEN_SECRET",
    *(
        f"CLEARML__SECURE__CREDENTIALS__{part}__USER_{kind}"
        for part in ("APISERVER", "FILESERVER", "WEBSERVER", "TESTS")
        for kind in ("KEY", "SECRET")
    ),
}
every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{(SERVER_\w+)", text))


@cache
def values() -> dict[str, str]:
    """An .env as `flows server up --docker` writes it."""
    return env_file.new() | env_file.from_settings(Docker())


def filled(value: str) -> str:
    """A value of the compose file with the variables of an .env in it."""
    known = values()
    return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: known[found[1]], str(value))


def hocon(settings: dict[str, str]) -> Any:
    """What the server makes of its CLEARML__… variables, as its manual tells it: lower case, dots, values in HOCON."""
    names = {name: name.removeprefix("CLEARML__").replace("__", ".").lower() for name in settings}
    lines = [f"{names[name]}: {filled(value)}" for name, value in settings.items() if name.startswith("CLEARML__")]
    return ConfigFactory.parse_string("\n".join(lines))


def test_what_there_is() -> None:
    assert SERVICES.keys() == DATABASES | SERVER | AGENTS
    assert COMPOSE["volumes"].keys() == set(VOLUMES)


@every_service
def test_ports_are_on_loopback_and_databases_have_none(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(str(port).startswith("127.0.0.1:") for port in ports)
    assert bool(ports) == (name in {"apiserver", "fileserver", "webserver"})


@every_service
def test_only_who_needs_the_databases_reaches_them(name: str) -> None:
    assert COMPOSE["networks"]["databases"]["internal"] is True
    on = set(SERVICES[name].get("networks", []))
    assert ("databases" in on) == (name in DATABASES | {"apiserver", "fileserver", "async_delete"})
    assert ("front" in on) == (name in SERVER | {"door"})
    # The agents share the network of `door`, which is on `front` alone.
    assert SERVICES[name].get("network_mode") == ("service:door" if name.startswith("agent") else None)


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" not in service])
def test_images_are_pinned_to_an_exact_release(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag)


def test_parts_of_the_server_are_of_one_release() -> None:
    assert len({SERVICES[name]["image"] for name in SERVER}) == 1


@every_service
def test_nobody_is_privileged(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "userns_mode", "devices"} & service.keys()
    # nginx starts as root and serves as another user; nobody else is given anything.
    assert set(service.get("cap_add", [])) == (POWERS if name == "webserver" else set())


@every_service
def test_nobody_has_the_engine_or_a_folder_of_the_machine(name: str) -> None:
    sources = {volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])}
    assert sources <= set(VOLUMES)
    assert "docker.sock" not in TEXT


@every_service
def test_memory_processes_and_logs_have_limits(name: str) -> None:
    service = SERVICES[name]
    assert re.search(r"\d[mg]\b", str(service["mem_limit"]))
    assert service["pids_limit"] > 0
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True


@every_service
def test_each_is_checked_and_waits_for_what_it_needs_to_be_healthy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    needs = SERVICES[name].get("depends_on", {})
    assert all(need == {"condition": "service_healthy"} for need in needs.values())
    assert bool(needs) == (name not in DATABASES)


def test_nothing_waits_for_itself() -> None:
    def upstream(name: str) -> set[str]:
        needs = set(SERVICES[name].get("depends_on", {}))
        return needs.union(*(upstream(need) for need in needs))

    assert all(name not in upstream(name) for name in SERVICES)


@every_service
def test_agents_are_an_opt_in(name: str) -> None:
    assert SERVICES[name].get("profiles", []) == (["agents"] if name in AGENTS else [])


@pytest.mark.parametrize("name", ["agent_default", "agent_services"])
def test_agents_are_started_as_the_command_does(name: str) -> None:
    words: list[str] = [*SERVICES[name]["entrypoint"], *SERVICES[name]["command"]]
    assert words[0] == "flows"
    with pytest.raises(SystemExit) as ended:
        main.main([*words[1:], "--help"], prog_name="flows")
    assert ended.value.code == 0


def test_the_door_leads_where_the_check_looks() -> None:
    routes = [relay.route(filled(word)) for word in SERVICES["door"]["command"]]
    assert [target for _, target in routes] == [("apiserver", 8008), ("fileserver", 8081)]
    check = [filled(word) for word in SERVICES["door"]["healthcheck"]["test"]]
    assert check[4:] == ["--check", *(str(port) for port, _ in routes)]


@pytest.mark.parametrize("name", ["apiserver", "fileserver"])
def test_all_ten_secrets_are_set_and_must_be(name: str) -> None:
    settings = SERVICES[name]["environment"]
    ours = {key: value for key, value in settings.items() if key.startswith("CLEARML__SECURE__") and "ROLE" not in key}
    agents = {key for key in ours if "SERVICES_AGENT" in key}
    assert ours.keys() - agents == TEN
    assert len(agents) == 2
    assert all(re.fullmatch(r'"\$\{SERVER_\w+:\?\}"', value) for value in ours.values())
    assert Counter(ours.values()).most_common(1)[0][1] == 1
    parsed = hocon(ours)["secure"]
    assert len(parsed["auth"]["token_secret"]) == 60
    assert len(parsed["credentials"]["fileserver"]["user_key"]) == 30


@every_service
def test_others_get_no_secret(name: str) -> None:
    told = variables(str(SERVICES[name].get("environment", {})))
    secret = {key for key in told if key.endswith(("_SECRET", "_KEY", "PASSWORD"))}
    allowed = {"SERVER_AGENT_KEY", "SERVER_AGENT_SECRET"} if name.startswith("agent") else set()
    assert secret == allowed or name in {"apiserver", "fileserver"}
    assert "SERVER_PASSWORD" not in TEXT


def test_every_variable_without_a_default_is_required_and_written() -> None:
    written = values()
    bare = re.findall(r"\$\{?(\w+)\}?", re.sub(r"\$\{\w+:[-?][^}]*\}", "", re.sub(r"#.*", "", TEXT)))
    assert bare == []
    assert set(re.findall(r"\$\{(\w+):\?\}", TEXT)) <= written.keys()
    assert variables(TEXT) - written.keys() == {"SERVER_SERVICES_MEMORY"}


def test_users_log_in_with_hashed_passwords() -> None:
    users = hocon(SERVICES["apiserver"]["environment"])["apiserver"]["auth"]["fixed_users"]
    assert (users["enabled"], users["pass_hashed"]) == (True, True)
    [user] = users["users"]
    assert (user["username"], user["name"]) == ("flows", "flows")
    assert not set(user["password"]) & set("$ ")


def test_the_file_server_asks_for_a_token_and_deletes_one_by_one() -> None:
    files = hocon(SERVICES["fileserver"]["environment"])
    assert files["fileserver"]["auth"]["enabled"] is True
    assert files["fileserver"]["delete"]["allow_batch"] is False
    assert files["hosts"]["api_server"] == "http://apiserver:8008"
    # What would call the batch route is told of no file server.
    for name in ("apiserver", "async_delete"):
        deletion = hocon(SERVICES[name]["environment"])["services"]["async_urls_delete"]
        assert (deletion["enabled"], deletion["fileserver"]["url_prefixes"]) == (True, [])


@pytest.mark.parametrize(("service", "section"), [("apiserver", "apiserver"), ("fileserver", "fileserver")])
def test_only_the_page_may_call_from_a_browser(service: str, section: str) -> None:
    cors = hocon(SERVICES[service]["environment"])[section]["cors"]
    assert cors["origins"] == ["http://localhost:8080", "http://127.0.0.1:8080"]


def test_the_images_are_what_upgrades_compare() -> None:
    images = Stack("p", FILE.parent, FILE).images()
    assert images == {"mongo": "8.0.15", "elasticsearch": "8.19.9", "redis": "8.2.3", "clearml/server": "2.4.0"}


def compose_plugin() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not compose_plugin(), reason="docker compose is not installed")
def test_compose_takes_it(tmp_path: Path) -> None:
    env_file.write(tmp_path / ".env", values())
    command = ["docker", "compose", "--env-file", str(tmp_path / ".env"), "--file", str(FILE), "--profile", "agents"]
    done = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    bare = subprocess.run(
        ["docker", "compose", "--file", str(FILE), "config"], capture_output=True, text=True, check=False, timeout=60
    )
    assert bare.returncode != 0
