"""Command `flows experiments`."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.tables import say, show, show_facts
from clearml_flows.errors import BadInput
from clearml_flows.experiments.api import experiments as find_experiments
from clearml_flows.experiments.api import leaderboard, list_experiments, show_experiment
from clearml_flows.experiments.comparison import compared, side_by_side_rows
from clearml_flows.experiments.export import FORMATS, export_experiments
from clearml_flows.experiments.query import STATUSES
from clearml_flows.plain_text import local_date

STDOUT = "-"
FILTERS = [
    click.option("--project", metavar="NAME", help="Project, with its subprojects (default: setting project.name)."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag; repeatable, all must match."),
    click.option(
        "--status", multiple=True, type=click.Choice(STATUSES), help="Only with this status; repeatable, any may match."
    ),
    click.option("--since", default="", metavar="DATE", help="Created at or after 2026-11-23 or 2026-11-23T14:30."),
    click.option("--until", default="", metavar="DATE", help="Created at or before; a date includes that day."),
    click.option("--flow", default="", metavar="NAME", help="Only from runs of this flow."),
    click.option("--run", default="", metavar="ID", help="Only from this run, including cached ones."),
    click.option(
        "--metric", "metrics", multiple=True, metavar="NAME", help="Show this metric; repeatable, the first sorts."
    ),
    click.option("--lowest/--highest", default=None, help="Which value is best (default: by the metric's name)."),
]


def filters(top: int | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator for the options that select experiments. The command gets `meant`."""
    names = ("project", "tags", "status", "since", "until", "flow", "run", "metrics", "lowest", "top")
    limit = click.option(
        "--top", type=click.IntRange(1), default=top, show_default="all", metavar="N", help="Number of experiments."
    )

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def gathered(**options: Any) -> None:
            command(meant={name: options.pop(name) for name in names}, **options)

        for option in reversed([*FILTERS, limit]):
            gathered = option(gathered)
        return gathered

    return with_options


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def experiments(context: click.Context, as_json: bool) -> None:
    """Show, compare and export experiments (default: list the newest).

    An ID may be shortened to a unique beginning.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@experiments.command(
    "list",
    epilog=examples(
        "flows experiments list --metric cv_roc_auc --top 5    # the five best",
        "flows experiments list --tag RandomForest --status completed --since 2026-11-01",
        "flows experiments list --flow churn --json",
    ),
)
@filters(top=20)
@as_json
@one_sentence
def list_(meant: dict[str, Any], as_json: bool) -> None:
    """List the newest experiments, or the best by a metric."""
    found = list_experiments(**meant)
    metrics = list(dict.fromkeys(name for one in found for name in one["metrics"]))
    rows = [
        [one["id"], one["name"], one["status"], local_date(one["created"]), one["tags"]]
        + [one["metrics"].get(name) for name in metrics]
        for one in found
    ]
    columns = ["id", "name", "status", "created", "tags", *metrics]
    show(found, as_json, columns, rows, "no experiments", spare=("tags", "created"))
    if len(found) == meant["top"]:
        click.echo(f"the first {len(found)}: --top shows more", err=True)


@experiments.command("show", epilog=examples("flows experiments show 59558d6c"))
@click.argument("experiment", metavar="ID")
@as_json
@one_sentence
def show_(experiment: str, as_json: bool) -> None:
    """Show an experiment: parameters, metrics, dataset, code."""
    found = show_experiment(experiment)
    dates = {name: local_date(found[name]) for name in ("created", "started", "completed")}
    plain = {name: value for name, value in found.items() if not isinstance(value, dict)}
    facts = {**plain, **dates}
    for part in ("dataset", "code", "parameters", "metrics"):
        facts |= {f"{part} {name}": value for name, value in found[part].items() if value is not None}
    show_facts(found, as_json, facts)


@experiments.command(
    "compare",
    epilog=examples(
        "flows experiments compare 59558d6c 9c3c7cad",
        "flows experiments compare --metric cv_roc_auc --top 5 --differences",
    ),
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--differences", is_flag=True, help="Show only values that differ.")
@filters(top=5)
@as_json
@one_sentence
def compare(ids: tuple[str, ...], differences: bool, meant: dict[str, Any], as_json: bool) -> None:
    """Compare experiments: parameters, metrics, dataset and code.

    A * marks values that differ. Metrics show the difference to the first experiment in brackets. Without an ID, the
    options select the experiments.
    """
    if len(ids) == 1:
        raise BadInput("comparing takes two experiments or more: give another ID, or none and --top")
    found = find_experiments(ids, **meant)
    lines = [line for line in compared(found) if line["differs"] or not differences]
    ids_of = [one["id"] for one in found]
    rows = [["", "experiment", "id", *ids_of]]
    rows += side_by_side_rows(lines)
    show({"experiments": found, "lines": lines}, as_json, ["", "part", "what", *(one["name"] for one in found)], rows)


@experiments.command(
    "leaderboard",
    epilog=examples("flows experiments leaderboard", "flows experiments leaderboard --metric cv_f1_score --flow churn"),
)
@filters(top=20)
@as_json
@one_sentence
def leaderboard_(meant: dict[str, Any], as_json: bool) -> None:
    """Rank completed experiments by a metric, with 95 % intervals.

    Also explains why the first one leads. The default metric is the flow's own (setting churn.metric) in
    cross-validation. The default flow is that of the last experiment.
    """
    board = leaderboard(**meant)
    rows = [
        [one["place"], one["id"], one["name"], one["value"], _range(one["low"], one["high"])]
        for one in board["experiments"]
    ]
    show(board, as_json, ["#", "id", "experiment", board["metric"], "95 % interval"], rows, "no completed experiments")
    if rows and not as_json:
        click.echo(board["reason"])


@experiments.command(
    "export",
    epilog=examples(
        "flows experiments export --format csv -o experiments.csv",
        "flows experiments export 59558d6c 9c3c7cad --format md -o -",
    ),
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="File to write; - for standard output.")
@filters(top=None)
@as_json
@one_sentence
def export(ids: tuple[str, ...], format_: str, output: str, meant: dict[str, Any], as_json: bool) -> None:
    """Write experiments to a file: parameters, metrics, dataset, commit.

    Without an ID, the options select the experiments. The file is written completely or not at all. In CSV, texts that
    a spreadsheet would take as a formula get an apostrophe.
    """
    if output == STDOUT and as_json:
        raise BadInput("-o - and --json both want standard output: give a file to write")
    count = export_experiments(None if output == STDOUT else Path(output), format_, ids, **meant)
    if output != STDOUT:
        say({"output": output, "format": format_, "experiments": count}, as_json, f"{count} experiments -> {output}")


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
