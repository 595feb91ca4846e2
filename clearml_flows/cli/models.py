"""Command `flows models`."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from clearml_flows.backend.quiet import quiet
from clearml_flows.cli.options import as_json, examples, one_sentence, pairs
from clearml_flows.cli.tables import say, show, show_facts
from clearml_flows.errors import BadInput
from clearml_flows.experiments.comparison import side_by_side_rows
from clearml_flows.models.api import (
    BY_HAND,
    METRIC,
    archive,
    fetch_model,
    history,
    list_models,
    models_meant,
    promote,
    register_model,
    rollback,
    show_model,
)
from clearml_flows.models.description import compared_models
from clearml_flows.models.scoring import STDOUT, predict
from clearml_flows.plain_text import local_date

PICKLE = (
    "a pickle or joblib file can run any code when it is read: this one was kept with its sha256 and not read, and "
    "will be only with --allow-pickle; a skops file needs no such trust"
)
# Metrics in lists of models.
METRICS = ("test_roc_auc", "test_f1_score", "test_r2", "test_rmse")
why = click.option("--why", default=BY_HAND, show_default=True, metavar="TEXT", help="Reason, for the history.")


def version_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--version",
        default=default,
        show_default=True,
        metavar="production|latest|N|ID",
        help="Version of the model.",
    )


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """Manage registered models and their versions (default: list the newest).

    An ID may be shortened to a unique beginning.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@models.command("list", epilog=examples("flows models list --name churn", "flows models list --tag candidate --json"))
@click.option("--name", default="", help="Show only models of this name.")
@click.option("--tag", default="", help="Show only models with this tag.")
@click.option("--top", type=click.IntRange(1, 500), default=20, show_default=True, metavar="N", help="Number of rows.")
@as_json
@one_sentence
def list_(name: str, tag: str, top: int, as_json: bool) -> None:
    """List models that are not archived, newest first."""
    found = list_models(name, tag, top)
    metrics = [name for name in METRICS if any(name in one["metrics"] for one in found)]
    columns = ["id", "name", "version", "tags", "created", *metrics]
    told = [{**one, **one["metrics"], "created": local_date(one["created"])} for one in found]
    show(
        found, as_json, columns, [[one.get(column) for column in columns] for one in told], "no model is registered yet"
    )


@models.command("show", epilog=examples("flows models show 7d21"))
@click.argument("model_id", metavar="ID")
@as_json
@one_sentence
def show_(model_id: str, as_json: bool) -> None:
    """Show a model: metrics, parameters, dataset, file, experiment, run."""
    found = show_model(model_id)
    facts = {name: found[name] for name in ("id", "name", "version", "tags")}
    facts |= {"created": local_date(found["created"])}
    for part in ("experiment", "run", "dataset", "file", "parameters", "metrics"):
        facts |= {f"{part} {name}": value for name, value in found[part].items() if value is not None}
    # The schema is long. --json has it.
    told = {*found["metrics"], *found["file"], "schema", "parameters", "version"}
    facts |= {name: value for name, value in found["facts"].items() if name not in told}
    show_facts(found, as_json, {**facts, "uri": found["uri"], "web_url": found["web_url"]})


@models.command(
    "register",
    epilog=examples(
        "flows models register model.skops --name churn --task 59558d6c",
        "flows models register other.joblib --name churn --metadata test_f1_score=0.61 --tag experimental",
    ),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Model name; its versions are numbered.")
@click.option("--task", default="", metavar="ID", help="Experiment of the model.")
@click.option("--metadata", multiple=True, metavar="K=V", help="Fact to store; numbers are metrics; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Tag; repeatable.")
@as_json
@one_sentence
def register(path: Path, name: str, task: str, metadata: tuple[str, ...], tags: tuple[str, ...], as_json: bool) -> None:
    """Register a model file as the next version of a name.

    A skops file is read if its types are known. A pickle or joblib file is not read, now or later, except with
    --allow-pickle.
    """
    facts = {key: _typed(value) for key, value in pairs(metadata, "--metadata").items()}
    with quiet():
        done = register_model(path, name, task, facts, tags)
    if done["format"] == "pickle":
        click.echo(f"warning: {PICKLE}", err=True)
    called = f"{done['name']} version {done['version']} ({done['id']})"
    same = f"this file is {called} already; nothing was changed"
    say(done, as_json, same if done["reused"] else f"{called}: sha256 {done['sha256']}")


@models.command(
    "compare",
    epilog=examples(
        "flows models compare --metric test_f1_score --top 5", "flows models compare 7d21 90bc --differences"
    ),
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--metric", default=METRIC, show_default=True, metavar="NAME", help="Metric to select the best by.")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, metavar="N", help="Number of models.")
@click.option("--name", default="", help="Only models of this name.")
@click.option("--differences", is_flag=True, help="Show only values that differ.")
@as_json
@one_sentence
def compare(ids: tuple[str, ...], metric: str, top: int, name: str, differences: bool, as_json: bool) -> None:
    """Compare models side by side (without an ID: the best by a metric).

    A * marks values that differ. Metrics show the difference to the first model. The metric may be the model's own or
    its experiment's.
    """
    found = models_meant(ids, metric, top, name)
    if ids:
        lines = [line for line in compared_models(found) if line["differs"] or not differences]
        rows = [["", "model", "id", *(one["id"] for one in found)], *side_by_side_rows(lines)]
        show({"models": found, "lines": lines}, as_json, ["", "part", "what", *(one["name"] for one in found)], rows)
        return
    columns = ["id", "name", "version", "tags", "experiment"]
    told = [{**one, "experiment": one["experiment"]["name"]} for one in found]
    best = [[*(one[column] for column in columns), one["metrics"].get(metric)] for one in told]
    show({"metric": metric, "models": found}, as_json, [*columns, metric], best)


@models.command(
    "fetch",
    epilog=examples("flows models fetch churn", "flows models fetch churn --version production -o model.skops"),
)
@click.argument("name")
@version_option("latest")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="File or folder to write to.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@as_json
@one_sentence
def fetch(name: str, version: str, output: Path | None, force: bool, as_json: bool) -> None:
    """Write a model's file, verified by its sha256.

    An existing file is replaced only with --force.
    """
    with quiet():
        done = fetch_model(name, version, output, force)
    say(done, as_json, f"{done['name']} version {done['version']}: {done['bytes']} bytes -> {done['path']}")


@models.command("promote", epilog=examples('flows models promote 3f9a81c2 --why "it is better"'))
@click.argument("model_id", metavar="ID")
@why
@as_json
@one_sentence
def promote_(model_id: str, why: str, as_json: bool) -> None:
    """Put a model into production.

    The model before it becomes previous-production. Exit code 3 if the model was trained on synthetic data.
    """
    with quiet():
        done = promote(model_id, why)
    what = f"is in production, in place of {done['from'] or 'none'}" if done["changed"] else "was in production already"
    say(done, as_json, f"{done['name']} {done['to']} {what}")


@models.command("rollback", epilog=examples("flows models rollback churn"))
@click.argument("name", required=False)
@why
@as_json
@one_sentence
def rollback_(name: str | None, why: str, as_json: bool) -> None:
    """Undo the last promotion of a model NAME; repeat to go further back.

    The gate does not promote a model that was rolled back. `flows models promote` does.
    """
    with quiet():
        done = rollback(name, why)
    now = f"{done['to']} is in production again" if done["to"] else "no model is in production, as before"
    say(done, as_json, f"promotion {done['undoes']} of {done['from']} is taken back: {now}")


@models.command("archive", epilog=examples("flows models archive 7d21"))
@click.argument("model_id", metavar="ID")
@as_json
@one_sentence
def archive_(model_id: str, as_json: bool) -> None:
    """Archive a model: remove it from all lists.

    ClearML keeps the model, and its version number is not used again.
    """
    done = archive(model_id)
    say(done, as_json, f"{done['name']} version {done['version']} ({done['id']}) is archived")


@models.command("history", epilog=examples("flows models history churn"))
@click.argument("name", required=False)
@as_json
@one_sentence
def history_(name: str | None, as_json: bool) -> None:
    """Show all promotions and rollbacks of a model NAME.

    Shows when, by whom and why production moved from one version to another.
    """
    found = history(name)
    columns = ["number", "when", "who", "action", "from", "to", "state", "why"]
    told = [
        {**move, "when": local_date(move["when"]), "from": move["from_version"], "to": move["to_version"]}
        for move in found
    ]
    show(found, as_json, columns, [[move[column] for column in columns] for move in told], "no model was promoted yet")


@models.command(
    "predict",
    epilog=examples(
        "flows models predict churn customers.csv -o scored.csv",
        "flows models predict churn customers.csv --version latest -o -",
        "flows models predict wine wines.csv -o scored.csv",
    ),
)
@click.argument("name")
@click.argument("source", metavar="IN.csv", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="OUT.csv", help="File to write; - for standard output.")
@version_option("production")
@click.option("--allow-pickle", is_flag=True, help="Read a pickle or joblib file, which can run any code.")
@as_json
@one_sentence
def predict_(name: str, source: Path, output: str, version: str, allow_pickle: bool, as_json: bool) -> None:
    """Score the rows of a raw CSV with a model.

    Writes key, probability and decision of each row in their order, or key and prediction for regression. All rows are
    checked as for training. The target may be missing, and new categories are counted, not refused. Cells that a
    spreadsheet would take as a formula get an apostrophe. Exit code 2 if the data are bad. Nothing is written then.
    """
    if output == STDOUT and as_json:
        raise BadInput("-o - and --json both want standard output: give a file to write")
    target = None if output == STDOUT else Path(output)
    with quiet() if target else nullcontext():
        done = predict(name, source, target, version, allow_pickle)
    if as_json:
        click.echo(json.dumps(done))
        return
    for note in done["notes"]:
        click.echo(f"note: {note}", err=True)
    model = done["model"]
    called = "" if done["threshold"] is None else f", {done['positive']} at or above {done['threshold']:.4f}"
    counts = f"{done['rows']} rows{called}"
    click.echo(f"{counts}, by {model['name']} version {model['version']} -> {done['output']}", err=output == STDOUT)


def _typed(text: str) -> Any:
    """Return a number, boolean or JSON value for a text, else the text."""
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text
