"""Command `flows server`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from clearml_flows.backend.connection import data_dir
from clearml_flows.cli import server_docker
from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.push import push
from clearml_flows.errors import BadInput
from clearml_flows.localserver import launcher
from clearml_flows.server import embedded_data
from clearml_flows.settings import load

NOT_RUNNING = 5
in_docker = click.option("--docker", is_flag=True, help="Use ClearML Server in Docker instead of the embedded backend.")


@click.group(invoke_without_command=True)
@click.pass_context
def server(context: click.Context) -> None:
    """Manage the embedded backend or ClearML Server in Docker (default: status)."""
    if context.invoked_subcommand is None:
        context.invoke(status)


server.add_command(push)


@server.command(
    epilog=examples(
        "flows server up",
        "flows server up --docker                     # a ClearML Server, once it is healthy",
        "flows server up --docker --agents            # and agents for it, on the queues default and services",
    )
)
@click.option("--api-port", type=click.IntRange(0, 65535), help="Port of API and pages (setting server.api_port).")
@click.option(
    "--files-port", type=click.IntRange(0, 65535), help="Port of the file server (setting server.files_port)."
)
@in_docker
@click.option("--agents", is_flag=True, help="With --docker: also start agents.")
@as_json
@one_sentence
def up(api_port: int | None, files_port: int | None, docker: bool, agents: bool, as_json: bool) -> None:
    """Start the backend, or find it running.

    With --docker: check the machine, make secrets if there are none, fetch the images, start the server and wait until
    it is healthy. Ports and hosts are in [docker] of settings.toml.
    """
    settings = load()
    if docker:
        if api_port is not None or files_port is not None:
            raise BadInput("with --docker the ports are docker.api_port, web_port and files_port of settings.toml")
        server_docker.up(settings, agents, as_json)
        return
    _only_docker(agents, "--agents")
    ports = settings.server.api_port if api_port is None else api_port, settings.server.files_port
    _show(launcher.up(data_dir(settings), ports[0], ports[1] if files_port is None else files_port), as_json)


@server.command(epilog=examples("flows server down", "flows server down --docker --volumes"))
@in_docker
@click.option("--volumes", is_flag=True, help="With --docker: also remove data and secrets.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@one_sentence
def down(docker: bool, volumes: bool, yes: bool) -> None:
    """Stop the backend. Its data stays, except with --volumes."""
    if docker:
        server_docker.down(load(), volumes, yes)
        return
    _only_docker(volumes, "--volumes", "; `flows server reset` removes the embedded backend's data")
    click.echo("stopped" if launcher.down(_folder()) else "no backend was running")


@server.command(epilog=examples("flows server status --json", "flows server status --docker"))
@in_docker
@as_json
@one_sentence
def status(docker: bool, as_json: bool) -> None:
    """Show the backend's addresses and state.

    Exit code 5 if it is not running, or not healthy in Docker.
    """
    if docker:
        server_docker.status(load(), as_json)
        return
    found = launcher.status(_folder())
    _show(found, as_json)
    if not found.running:
        raise SystemExit(NOT_RUNNING)


@server.command(epilog=examples("flows server logs -n 20", "flows server logs apiserver --docker"))
@click.argument("service", required=False)
@click.option("-n", "--lines", type=click.IntRange(1), default=100, show_default=True)
@in_docker
@one_sentence
def logs(service: str | None, lines: int, docker: bool) -> None:
    """Show the end of the backend's log (in Docker: of one service or all)."""
    if docker:
        server_docker.logs(load(), service, lines)
        return
    _only_docker(service is not None, f"SERVICE ({service})")
    click.echo("\n".join(launcher.logs(_folder(), lines)))


@server.command(epilog=examples("flows server reset --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@one_sentence
def reset(yes: bool) -> None:
    """Stop the backend and remove all its runs, datasets, models and keys."""
    folder = _folder()
    if not yes:
        click.confirm(f"Remove every run, dataset and model in {folder}?", abort=True)
    launcher.down(folder)
    launcher.reset(folder)
    click.echo(f"{folder} is empty again")


@server.command(
    epilog=examples(
        "flows server backup ~/flows.backup",
        'flows server backup "$HOME/flows-$(date +%F).backup"    # one for each day, from a crontab',
        "flows server backup --docker /backups/server.tar",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@in_docker
@as_json
@one_sentence
def backup(file: Path, force: bool, docker: bool, as_json: bool) -> None:
    """Back up all runs, datasets, models and schedules to one file.

    The embedded backend may run meanwhile, and its backup has no credentials. The server in Docker is stopped
    meanwhile, and its backup contains its users' keys. Only the owner can read the file.
    """
    if docker:
        server_docker.backup(load(), file, force, as_json)
        return
    made = embedded_data.backup(load(), file, force)
    _tell(made, as_json, f"{made.file} holds {_counted(made.counts)}; {made.bytes:,} bytes")


@server.command(
    epilog=examples("flows server restore ~/flows.backup", "flows server restore --docker /backups/server.tar")
)
@click.argument("file", type=click.Path(path_type=Path))
@in_docker
@as_json
@one_sentence
def restore(file: Path, docker: bool, as_json: bool) -> None:
    """Replace the data directory's content by a backup.

    The embedded backend must not run. The backup is verified before anything is changed. The earlier data are moved to
    a folder that is named. The server in Docker may run, and its earlier data stay in volumes that are named.
    """
    if docker:
        server_docker.restore(load(), file, as_json)
        return
    done = embedded_data.restore(load(), file)
    before = f"\nwhat was there before is in {done.aside}; remove it when all is well" if done.aside else ""
    _tell(done, as_json, f"restored {_counted(done.backup.counts)}, as of {done.backup.made}{before}")


@server.command(epilog=examples("flows server upgrade", "flows server upgrade --docker"))
@in_docker
@as_json
@one_sentence
def upgrade(docker: bool, as_json: bool) -> None:
    """Upgrade the stored data to the installed release, after a backup.

    A running backend is restarted. In Docker: upgrades to the releases in docker/compose.yaml. Older releases than
    those that used the data are refused.
    """
    if docker:
        server_docker.upgrade(load(), as_json)
        return
    done = embedded_data.upgrade(load())
    if done.backup:
        _tell(done, as_json, f"from {done.before} to {done.after}; as it was before: {done.backup.file}")
    else:
        _tell(done, as_json, f"nothing to do: the data are as this release has them ({done.after})")


@server.command(
    epilog=examples(
        "flows server users --docker",
        "flows server users --docker --add ada        # asks for the password; or --password-stdin",
    )
)
@in_docker
@click.option("--add", metavar="NAME", help="Add this user, or give it a new password.")
@click.option("--remove", metavar="NAME", help="Remove this user.")
@click.option("--password-stdin", is_flag=True, help="With --add: read the password from stdin instead of asking.")
@one_sentence
def users(docker: bool, add: str | None, remove: str | None, password_stdin: bool) -> None:
    """List or change the users of the server in Docker.

    Changes take effect at the next `flows server up --docker`.
    """
    if not docker:
        raise BadInput("the embedded backend has one user, whose key is in its clearml.conf; give --docker")
    if add is not None and remove is not None:
        raise BadInput("--add and --remove exclude each other; give one")
    if add is not None:
        server_docker.add_user(load(), add, _password(password_stdin))
    elif remove is not None:
        server_docker.remove_user(load(), remove)
    else:
        server_docker.users(load())


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _only_docker(given: bool, option: str, advice: str = "") -> None:
    if given:
        raise BadInput(f"{option} is for --docker, the server in Docker{advice}")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _tell(done: Any, as_json: bool, sentence: str) -> None:
    click.echo(json.dumps(asdict(done)) if as_json else sentence)


def _folder() -> Path:
    return data_dir(load())


def _show(status: launcher.Status, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(status)))
    elif not status.running:
        click.echo(f"no backend is running on {status.data_dir}; `flows server up` starts it")
    else:
        click.echo(f"pages and API  {status.web_url}\nfile server    {status.files_url}\nprocess        {status.pid}")
        click.echo(f"configuration  {status.config_file} (for any ClearML client: CLEARML_CONFIG_FILE)")
