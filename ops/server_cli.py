"""`flows server`: the embedded ClearML backend of this project's data directory."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from flows.backend import data_dir
from flows.settings import load
from localserver import launcher
from ops.command import as_json, examples, one_sentence

NOT_RUNNING = 5


@click.group(invoke_without_command=True)
@click.pass_context
def server(context: click.Context) -> None:
    """The embedded ClearML backend: start it, stop it, look at it. Without a command: its status."""
    if context.invoked_subcommand is None:
        context.invoke(status)


@server.command(epilog=examples("flows server up"))
@click.option("--api-port", type=click.IntRange(0, 65535), help="Port of API and pages (setting server.api_port).")
@click.option(
    "--files-port", type=click.IntRange(0, 65535), help="Port of the file server (setting server.files_port)."
)
@as_json
@one_sentence
def up(api_port: int | None, files_port: int | None, as_json: bool) -> None:
    """Start the backend, or find it running."""
    settings = load()
    ports = settings.server.api_port if api_port is None else api_port, settings.server.files_port
    _show(launcher.up(data_dir(settings), ports[0], ports[1] if files_port is None else files_port), as_json)


@server.command(epilog=examples("flows server down"))
@one_sentence
def down() -> None:
    """Stop the backend. Its data stays."""
    click.echo("stopped" if launcher.down(_folder()) else "no backend was running")


@server.command(epilog=examples("flows server status --json"))
@as_json
@one_sentence
def status(as_json: bool) -> None:
    """Say where the backend is; exit code 5 if it is not running."""
    found = launcher.status(_folder())
    _show(found, as_json)
    if not found.running:
        raise SystemExit(NOT_RUNNING)


@server.command(epilog=examples("flows server logs -n 20"))
@click.option("-n", "--lines", type=click.IntRange(1), default=100, show_default=True)
@one_sentence
def logs(lines: int) -> None:
    """Print the end of the backend's log."""
    click.echo("\n".join(launcher.logs(_folder(), lines)))


@server.command(epilog=examples("flows server reset --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@one_sentence
def reset(yes: bool) -> None:
    """Stop the backend and remove all its runs, datasets, models and credentials."""
    folder = _folder()
    if not yes:
        click.confirm(f"Remove every run, dataset and model in {folder}?", abort=True)
    launcher.down(folder)
    launcher.reset(folder)
    click.echo(f"{folder} is empty again")


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
