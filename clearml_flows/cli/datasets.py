"""Command `flows datasets`."""

from pathlib import Path
from typing import Any

import click

from clearml_flows.backend.quiet import quiet
from clearml_flows.cli.options import as_json, examples, one_sentence, pairs
from clearml_flows.cli.tables import say, show, show_facts
from clearml_flows.datasets.api import (
    create_dataset_version,
    diff_datasets,
    fetch_dataset,
    list_datasets,
    show_dataset,
    verify_dataset,
)
from clearml_flows.errors import FlowsError
from clearml_flows.plain_text import cell, local_date

COLUMNS = ["id", "name", "version", "rows", "columns", "bytes", "tags", "created"]


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def datasets(context: click.Context, as_json: bool) -> None:
    """Manage dataset versions (default: list the newest)."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@datasets.command("list", epilog=examples("flows datasets list --name churn", "flows datasets list --tag raw --json"))
@click.option("--name", default="", help="Show only versions of this dataset.")
@click.option("--tag", default="", help="Show only versions with this tag.")
@click.option("--top", type=click.IntRange(1, 500), default=20, show_default=True, metavar="N", help="Number of rows.")
@as_json
@one_sentence
def list_(name: str, tag: str, top: int, as_json: bool) -> None:
    """List finished versions, newest first."""
    found = list_datasets(name, tag, top)
    rows = [[{**one, "created": local_date(one["created"])}[column] for column in COLUMNS] for one in found]
    show(found, as_json, COLUMNS, rows, "no such dataset version; `flows datasets create` makes one")


@datasets.command("show", epilog=examples("flows datasets show 3fa1"))
@click.argument("dataset_id", metavar="ID")
@as_json
@one_sentence
def show_(dataset_id: str, as_json: bool) -> None:
    """Show a version: parents, content, and experiments and models that used it."""
    with quiet():
        found = show_dataset(dataset_id)
    show_facts(found, as_json, _facts(found))


@datasets.command(
    "create",
    epilog=examples(
        "flows datasets create customers.csv --version 1.0.0 --key customerID",
        "flows datasets create images/ --version 2.1.0 --name pictures --tag raw --metadata source=camera",
    ),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--version", required=True, metavar="X.Y.Z", help="Version number (semantic version).")
@click.option("--name", default="", help="Dataset name (default: the name of the file or folder).")
@click.option("--parent", "parents", multiple=True, metavar="ID", help="Parent version (default: the last version).")
@click.option("--metadata", multiple=True, metavar="K=V", help="Fact to store with the version; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Tag; repeatable.")
@click.option("--key", default="", metavar="COLUMN", help="Column that identifies rows.")
@as_json
@one_sentence
def create(path: Path, metadata: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Store a file or folder as a version, if its content is new.

    CSV and parquet files are compared by column names and rows, other files by their bytes.
    """
    with quiet():
        made = create_dataset_version(path, metadata=pairs(metadata, "--metadata"), **given)
    called = f"{made['name']} {made['version']} ({made['id']})"
    what = _count(made["files"], "file")
    if made["rows"] is not None:
        what = f"{_count(made['rows'], 'row')}, {_count(made['columns'], 'column')}"
    same = f"the same content is {called} already; nothing was stored"
    say(made, as_json, f"{called}: {what}, {made['bytes']} bytes" if not made["reused"] else same)


@datasets.command("diff", epilog=examples("flows datasets diff 3fa1 90bc", "flows datasets diff 3fa1 90bc --key id"))
@click.argument("first_id", metavar="A")
@click.argument("second_id", metavar="B")
@click.option("--key", default="", metavar="COLUMN", help="Column that identifies rows.")
@as_json
@one_sentence
def diff(first_id: str, second_id: str, key: str, as_json: bool) -> None:
    """Show the differences between versions A and B.

    Compares files, columns, rows by key, and the values of each column.
    """
    with quiet():
        found = diff_datasets(first_id, second_id, key)
    if as_json:
        say(found, True, "")
        return
    _say_files(found)
    for table in found["tables"]:
        _say_table(table)


@datasets.command("fetch", epilog=examples("flows datasets fetch 3fa1 data/churn"))
@click.argument("dataset_id", metavar="ID")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@as_json
@one_sentence
def fetch(dataset_id: str, folder: Path, as_json: bool) -> None:
    """Write a version's files to a new or empty folder.

    Writes all files, each verified by its sha256, or none.
    """
    with quiet():
        done = fetch_dataset(dataset_id, folder)
    say(
        done,
        as_json,
        f"{done['name']} {done['version']}: {_count(done['files'], 'file')}, {done['bytes']} bytes -> {folder}",
    )


@datasets.command("verify", epilog=examples("flows datasets verify 3fa1"))
@click.argument("dataset_id", metavar="ID")
@as_json
@one_sentence
def verify(dataset_id: str, as_json: bool) -> None:
    """Compare a version's stored files with their recorded sha256.

    Exit code 1 if a file is missing or was altered.
    """
    with quiet():
        done = verify_dataset(dataset_id)
    if done["sound"]:
        say(
            done,
            as_json,
            f"{done['name']} {done['version']}: {_count(done['files'], 'file')} verified, all as they were stored",
        )
        return
    if as_json:
        say(done, True, "")
    raise FlowsError("; ".join(done["problems"]))


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    known = {name: found[name] for name in ("id", "name", "version", "rows", "columns", "bytes", "sha256", "status")}
    lists = {
        "parents": [f"{one['name']} {one['version']} ({one['id']})" for one in found["parents"]],
        "children": [f"{one['name']} {one['version']} ({one['id']})" for one in found["children"]],
        "experiments": [f"{one['name']} ({one['id']})" for one in found["used_by"]["experiments"]],
        "models": [f"{one['name']} {one['version'] or ''} ({one['id']})" for one in found["used_by"]["models"]],
    }
    files = {one["path"]: f"{one['bytes']} bytes, sha256 {one['sha256']}" for one in found["files"]}
    tables = {
        f"columns of {name}": [f"{column['name']} ({column['type']})" for column in table["columns"]]
        for name, table in found["tables"].items()
    }
    told = {"created": local_date(found["created"]), "tags": found["tags"], **found["metadata"]}
    page = {"description": found["description"], "web_url": found["web_url"]}
    return {**known, **told, **lists, **files, **tables, **page}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say_files(found: dict[str, Any]) -> None:
    before, after = found["before"], found["after"]
    click.echo(f"{before['name']} {before['version']} -> {after['name']} {after['version']}")
    for what, names in found["files"].items():
        if names:
            click.echo(f"files {what}: {cell(names)}")


def _say_table(table: dict[str, Any]) -> None:
    rows, columns = table["rows"], table["columns"]
    by = f"by {table['key']}" if table["key"] else "by all their values"
    counts = ", ".join(f"{rows[what]} {what}" for what in ("added", "removed", "changed"))
    click.echo(f"\n{table['table']}: {rows['before']} -> {rows['after']} rows; {by}: {counts}")
    for what, names in columns.items():
        if names:
            click.echo(f"columns {what}: {cell(names)}")
    lines = [[one["column"], one["changed"], _words(one["before"]), _words(one["after"])] for one in table["summary"]]
    show(None, False, ["column", "changed", "before", "after"], lines)


def _words(told: dict[str, Any]) -> str:
    missing = f"{told['missing']} missing, " if told["missing"] else ""
    if "mean" in told:
        return f"{missing}{cell(told['min'])} … {cell(told['max'])}, mean {cell(told['mean'])}"
    most = f", most {told['most']} ({told['share']:.0%})" if "most" in told else ""
    return f"{missing}{told['distinct']} distinct{most}"
