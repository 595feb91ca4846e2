"""Command `flows runs`."""

from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.run import run_and_tell
from clearml_flows.cli.tables import say, show, show_facts, table, terminal_width
from clearml_flows.plain_text import local_date
from clearml_flows.run.history import list_runs, resumed, show_run, stop_run
from clearml_flows.settings import load


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """List, show, resume and stop runs (default: list the last runs).

    An id may be shortened to a unique beginning.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@runs.command("list", epilog=examples("flows runs list", "flows runs list --last 5 --json"))
@click.option("-n", "--last", type=click.IntRange(1, 500), default=20, show_default=True, help="Number of rows.")
@as_json
@one_sentence
def list_(as_json: bool, last: int = 20) -> None:
    """List the last runs, newest first."""
    found = list_runs(last)
    columns = ["id", "flow", "status", "started", "seconds", "backend", "message"]
    rows = [[_readable(one)[column] for column in columns] for one in found]
    show(found, as_json, columns, rows, "no flow has run yet; `flows run churn` runs one")


@runs.command("show", epilog=examples("flows runs show         # the last run", "flows runs show 3f9a81c2"))
@click.argument("run_id", metavar="[ID]", default="")
@as_json
@one_sentence
def show_(run_id: str, as_json: bool) -> None:
    """Show a run: its steps, times, workers, and cache hits with reasons."""
    found = show_run(run_id)
    facts = {name: value for name, value in found.items() if name != "steps" and value not in (None, "")}
    show_facts(found, as_json, _readable(facts))
    if not as_json and found["steps"]:
        click.echo(f"\n{_steps(found['steps'])}")


@runs.command("resume", epilog=examples("flows runs resume 3f9a81c2"))
@click.argument("run_id", metavar="ID")
@click.option("--no-progress", is_flag=True, help="Do not show progress on stderr.")
@as_json
@one_sentence
def resume_(run_id: str, no_progress: bool, as_json: bool) -> None:
    """Resume a failed or stopped run; completed steps are reused.

    The new run uses the parameters and the queue of the old run. It ends and notifies like any run. A step whose code
    has changed runs again.
    """
    flow, how = resumed(run_id)
    run_and_tell(flow, load(), how, not no_progress, as_json)


@runs.command("stop", epilog=examples("flows runs stop 3f9a81c2"))
@click.argument("run_id", metavar="ID")
@as_json
@one_sentence
def stop_(run_id: str, as_json: bool) -> None:
    """Stop a run with its steps and experiments, running or queued."""
    done = stop_run(run_id)
    count = done["stopped"]
    ended = f"run {done['id']} of {done['flow']} had ended already"
    say(done, as_json, f"run {done['id']} of {done['flow']} is stopped ({count} Tasks)" if count else ended)


def _steps(steps: list[dict[str, Any]]) -> str:
    columns = ["name", "status", "started", "seconds", "worker", "cache"]
    rows = [[_readable(step)[column] for column in columns] for step in steps]
    told = [f"{step['name']}: {step['message']}" for step in steps if step["message"]]
    return "\n".join([table(["step", *columns[1:]], rows, terminal_width()), *told])


def _readable(told: dict[str, Any]) -> dict[str, Any]:
    """Return the row with a local date and whole seconds."""
    seconds = told.get("seconds")
    return {**told, "started": local_date(told.get("started")), "seconds": None if seconds is None else round(seconds)}
