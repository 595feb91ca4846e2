"""Output of `flows server … --docker`."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.server import backup as saving
from clearml_flows.server import docker_command, lifecycle, machine
from clearml_flows.server import env_file as environment
from clearml_flows.server import users as registered
from clearml_flows.server.stack import Service, Stack, stack
from clearml_flows.server.upgrade import upgrade as upgrade_stack
from clearml_flows.settings import Settings


@dataclass(frozen=True)
class ServerAccess:
    """Addresses and services of the server.

    `env_file` has its secrets and the password of `user`.
    """

    running: bool
    api_url: str
    files_url: str
    web_url: str
    user: str
    env_file: str
    services: list[Service]


def up(settings: Settings, agents: bool, as_json: bool) -> None:
    """Start the server, and print its addresses and the next command."""
    server = stack(settings)
    lifecycle.up(server, settings.docker, _say, agents)
    found = look(server, settings)
    _show(found, as_json)
    if not as_json:
        click.echo(f"log in as      {found.user}; the password is SERVER_PASSWORD in {found.env_file}")
        click.echo("what next      flows setup --docker")


def down(settings: Settings, volumes: bool, yes: bool) -> None:
    """Stop the server. With `volumes`, also remove its data after a confirmation."""
    server = stack(settings)
    if volumes and not yes:
        click.confirm(f"Remove every run, dataset, model and user of the server {server.project}?", abort=True)
    was_there = lifecycle.down(server, volumes)
    click.echo(("stopped, and its data removed" if volumes else "stopped") if was_there else "no server was there")


def status(settings: Settings, as_json: bool) -> None:
    """Print the server's addresses and services. Raises Unreachable if one is not healthy."""
    machine.check_docker()
    server = stack(settings)
    found = look(server, settings)
    _show(found, as_json)
    if not found.running:
        unwell = ", ".join(f"{service.name} ({service.state})" for service in found.services if not service.is_well)
        what = f"not all of it is well: {unwell}" if unwell else "the server is not running"
        raise Unreachable(f"{what}; `flows server up --docker` starts it")


def logs(settings: Settings, service: str | None, lines: int) -> None:
    """Print the end of the log of one service or all. Raises FlowsError for an unknown service."""
    machine.check_docker()
    server = stack(settings)
    server.values()
    names = sorted(found.name for found in server.services())
    if service and service not in names:
        raise FlowsError(f"the server has no container {service}; it has {', '.join(names) or 'none at all'}")
    words = server.compose("logs", "--no-color", "--timestamps", "--tail", str(lines), *([service] if service else []))
    docker_command.show(*words, to="show the server's log")


def backup(settings: Settings, file: Path, force: bool, as_json: bool) -> None:
    """Back up the server's data and print the result."""
    with _ended_in_order():
        made = saving.backup(stack(settings), settings.docker, file, force, _say)
    total = sum(part.size for part in made.parts.values())
    _tell(
        made, as_json, f"{file} holds the server's data of {made.created}, {total:,} bytes; keep a copy of .env with it"
    )


def restore(settings: Settings, file: Path, as_json: bool) -> None:
    """Restore a backup and print its date."""
    with _ended_in_order():
        done = saving.restore(stack(settings), settings.docker, file, _say)
    aside = f"\nwhat was there before: docker volume rm {' '.join(done.aside)}, when all is well" if done.aside else ""
    _tell(done, as_json, f"the server runs on its data of {done.backup.created}{aside}")


def upgrade(settings: Settings, as_json: bool) -> None:
    """Upgrade the server and print the path of the backup."""
    with _ended_in_order():
        done = upgrade_stack(stack(settings), settings.docker, _say)
    sentence = (
        f"upgraded; as it was before: {done.backup}" if done.backup else "nothing to do: the releases are the same"
    )
    _tell(done, as_json, sentence)


def users(settings: Settings) -> None:
    """Print the names of all users."""
    click.echo("\n".join(registered.names(stack(settings))))


def add_user(settings: Settings, name: str, password: str) -> None:
    is_new = registered.put(stack(settings), name, password)
    click.echo(f"{name} {'may log in' if is_new else 'has a new password'} once `flows server up --docker` has run")


def remove_user(settings: Settings, name: str) -> None:
    registered.remove(stack(settings), name)
    click.echo(f"{name} may not log in any more once `flows server up --docker` has run")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that services are restarted and changes undone."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise FlowsError("interrupted; the server and its data are as before") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def look(server: Stack, settings: Settings) -> ServerAccess:
    """Return the server's addresses and the state of its services."""
    services = server.services() if environment.read(server.env_file) else []
    hosts = environment.addresses(settings.docker)
    return ServerAccess(
        running=bool(services) and all(service.is_well for service in services),
        api_url=hosts["api"],
        files_url=hosts["files"],
        web_url=hosts["web"],
        user=environment.USER,
        env_file=str(server.env_file),
        services=services,
    )


def _show(found: ServerAccess, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    for service in found.services:
        click.echo(f"{service.name:<15}{service.health or service.state}")
    click.echo(f"pages          {found.web_url}\nAPI            {found.api_url}\nfile server    {found.files_url}")


def _tell(done: Any, as_json: bool, sentence: str) -> None:
    click.echo(json.dumps(asdict(done)) if as_json else sentence)


def _say(line: str) -> None:
    click.echo(line, err=True)
