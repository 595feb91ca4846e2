"""`flows server`: the embedded ClearML backend of this project's data directory."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from flows.backend import data_dir
from flows.settings import load
from localserver import launcher
from ops import server_data
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


@server.command(
    epilog=examples(
        "flows server backup ~/flows.backup",
        'flows server backup "$HOME/flows-$(date +%F).backup"    # one for each day, from a crontab',
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@as_json
@one_sentence
def backup(file: Path, force: bool, as_json: bool) -> None:
    """Make one file of all runs, datasets, models and schedules, also while the backend runs.

    The file is readable by its owner only, and has no credentials in it.
    """
    made = server_data.backup(load(), file, force)
    _tell(made, as_json, f"{made.file} holds {_counted(made.counts)}; {made.bytes:,} bytes")


@server.command(epilog=examples("flows server restore ~/flows.backup"))
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@one_sentence
def restore(file: Path, as_json: bool) -> None:
    """Put a backup in place of what the data directory holds. The backend must not run.

    The backup is checked whole before anything is touched. What was there is moved into a folder, which is named.
    """
    done = server_data.restore(load(), file)
    before = f"\nwhat was there before is in {done.aside}; remove it when all is well" if done.aside else ""
    _tell(done, as_json, f"restored {_counted(done.backup.counts)}, as of {done.backup.made}{before}")


@server.command(epilog=examples("flows server upgrade"))
@as_json
@one_sentence
def upgrade(as_json: bool) -> None:
    """Bring the stored data up to the installed release, after a backup. A running backend is started anew."""
    done = server_data.upgrade(load())
    if done.backup:
        _tell(done, as_json, f"from {done.before} to {done.after}; as it was before: {done.backup.file}")
    else:
        _tell(done, as_json, f"nothing to do: the data are as this release has them ({done.after})")


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
