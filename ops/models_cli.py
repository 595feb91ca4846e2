"""`flows models`: the registered models, which of them is in production, and what they say of customers."""

import json
from pathlib import Path

import click

from flows.errors import BadInput
from ops.command import as_json, one_sentence
from ops.models import BY_HAND, history, list_models, promote, rollback, show_model
from ops.predict import STDOUT, predict
from ops.tables import local_date, say, show, show_facts

why = click.option("--why", default=BY_HAND, show_default=True, metavar="TEXT", help="The reason, for the history.")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """Registered models. Without a command: all of them."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@models.command("list")
@as_json
@one_sentence
def list_(as_json: bool) -> None:
    """All models that are not archived, the newest first."""
    found = list_models()
    columns = ["id", "name", "version", "tags", "test_roc_auc", "test_f1_score"]
    rows = [[{**one, **one["metrics"]}.get(column) for column in columns] for one in found]
    show(found, as_json, columns, rows, "no model is registered yet")


@models.command("show")
@click.argument("model_id", metavar="ID")
@as_json
@one_sentence
def show_(model_id: str, as_json: bool) -> None:
    """All that is known of a model."""
    found = show_model(model_id)
    told = {**found, "created": local_date(found["created"]), **found["facts"]}
    # The schema fills pages; --json has it.
    show_facts(found, as_json, {key: told[key] for key in told if key not in ("facts", "metrics", "schema")})


@models.command("promote")
@click.argument("model_id", metavar="ID")
@why
@as_json
@one_sentence
def promote_(model_id: str, why: str, as_json: bool) -> None:
    """Put a model into production; the one that was there is kept as previous-production.

    Exit code 3: it was trained on synthetic customers, and may not.
    """
    done = promote(model_id, why)
    what = f"is in production, in place of {done['from'] or 'none'}" if done["changed"] else "was in production already"
    say(done, as_json, f"{done['name']} {done['to']} {what}")


@models.command("rollback")
@click.argument("name", required=False)
@why
@as_json
@one_sentence
def rollback_(name: str | None, why: str, as_json: bool) -> None:
    """Take the last promotion of models of this NAME back; again: the one before.

    The gate does not promote a model that was rolled back; `flows models promote` does.
    """
    done = rollback(name, why)
    now = f"{done['to']} is in production again" if done["to"] else "no model is in production, as before"
    say(done, as_json, f"promotion {done['undoes']} of {done['from']} is taken back: {now}")


@models.command("history")
@click.argument("name", required=False)
@as_json
@one_sentence
def history_(name: str | None, as_json: bool) -> None:
    """Who moved production from which model of this NAME to which, when and why."""
    found = history(name)
    columns = ["number", "when", "who", "action", "from", "to", "state", "why"]
    told = [
        {**move, "when": local_date(move["when"]), "from": move["from_version"], "to": move["to_version"]}
        for move in found
    ]
    show(found, as_json, columns, [[move[column] for column in columns] for move in told], "no model was promoted yet")


@models.command("predict")
@click.argument("name")
@click.argument("source", metavar="IN.csv", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="OUT.csv", help="The file to write; - for standard output.")
@click.option(
    "--version",
    default="production",
    show_default=True,
    metavar="production|latest|N|ID",
    help="Which model of this name.",
)
@as_json
@one_sentence
def predict_(name: str, source: Path, output: str, version: str, as_json: bool) -> None:
    """Score the customers of a raw CSV with a model: key, probability and decision of each, in their order.

    All rows are checked first as for training, but the target need not be there, and new categories are counted, not
    refused. Cells that a spreadsheet would take for a formula get an apostrophe. Exit code 2: the data are not sound,
    and nothing was written.
    """
    if output == STDOUT and as_json:
        raise BadInput("-o - and --json both want standard output: give a file to write")
    done = predict(name, source, None if output == STDOUT else Path(output), version)
    if as_json:
        click.echo(json.dumps(done))
        return
    for note in done["notes"]:
        click.echo(f"note: {note}", err=True)
    model = done["model"]
    counts = f"{done['rows']} customers, {done['positive']} at or above {done['threshold']:.4f}"
    click.echo(f"{counts}, by {model['name']} version {model['version']} -> {done['output']}", err=output == STDOUT)
