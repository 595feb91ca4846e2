"""Command `flows server push`."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.settings import load


@click.command(
    epilog=examples(
        "flows server push --dry-run                      # only count what would be pushed",
        "flows server push --config ~/clearml.conf",
        "flows server push --project clearml-flows --json",
    )
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="The server's clearml.conf (default: the configured server)."
)
@click.option("--project", default="", help="Push only this project and its subprojects.")
@click.option("--dry-run", is_flag=True, help="Count what would be pushed; change nothing.")
@as_json
@one_sentence
def push(config: Path | None, project: str, dry_run: bool, as_json: bool) -> None:
    """Push the embedded backend's content to a ClearML Server.

    Pushes Tasks, datasets, models and files. Unchanged items are skipped, so an interrupted push continues where it
    stopped, and a later push sends what has changed. Every file is read back. Exit code 1 if anything is missing on the
    server in the end.
    """
    # Imported here: the import takes a second, and other commands do not need it.
    from clearml_flows.push.api import push

    say = _to_terminal()
    try:
        done = push(load(), config, project, dry_run, say)
    finally:
        say("")
    if as_json:
        click.echo(json.dumps(done.document()))
    else:
        _show(done.document(), dry_run)
    if done.missing:
        raise SystemExit(1)


def _to_terminal() -> Callable[[str], None]:
    """Return a function that writes a progress line to the terminal, each over the last.

    It bypasses the redirection that silences the SDK. Without a terminal it does nothing.
    """
    if not os.isatty(2):
        return lambda _line: None
    terminal = os.dup(2)

    def say(line: str) -> None:
        os.write(terminal, f"\r\033[K{line:.100}".encode("utf-8", "replace"))

    return say


def _show(done: dict[str, Any], dry_run: bool) -> None:
    counts = ", ".join(f"{done[name]:,} {name}" for name in ("projects", "tasks", "datasets", "models"))
    click.echo(f"{counts} for {done['target']}")
    if dry_run:
        click.echo(f"{done['carried']:,} to push; {done['reused']:,} are on the server unchanged")
    else:
        click.echo(f"{done['carried']:,} pushed, {done['reused']:,} were on the server unchanged")
        click.echo(
            f"{done['files']:,} files stored, {done['bytes']:,} bytes; {done['verified']:,} read back and verified"
        )
    for line in done["notes"]:
        click.echo(f"note: {line}")
    for line in done["missing"]:
        click.echo(f"missing: {line}", err=True)
