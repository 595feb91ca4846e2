"""`flows runs`: the runs that there were, how they went, and what can be done about them."""

from typing import Any

import click

from flows.command import run_and_tell
from flows.settings import load
from ops.command import as_json, examples, one_sentence
from ops.runs import list_runs, resumed, show_run, stop_run
from ops.tables import local_date, say, show, show_facts, table, terminal_width


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """Runs of the flows. Without a command: the last of them. An id may be shortened to what tells it from others."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@runs.command("list", epilog=examples("flows runs list", "flows runs list --last 5 --json"))
@click.option("-n", "--last", type=click.IntRange(1, 500), default=20, show_default=True, help="How many at most.")
@as_json
@one_sentence
def list_(as_json: bool, last: int = 20) -> None:
    """The last runs, the newest first."""
    found = list_runs(last)
    columns = ["id", "flow", "status", "started", "seconds", "backend", "message"]
    rows = [[_readable(one)[column] for column in columns] for one in found]
    show(found, as_json, columns, rows, "no flow has run yet; `flows run churn` runs one")


@runs.command("show", epilog=examples("flows runs show         # the last run", "flows runs show 3f9a81c2"))
@click.argument("run_id", metavar="[ID]", default="")
@as_json
@one_sentence
def show_(run_id: str, as_json: bool) -> None:
    """How a run went: its steps, when and where they ran, and why each was taken from the cache or not."""
    found = show_run(run_id)
    facts = {name: value for name, value in found.items() if name != "steps" and value not in (None, "")}
    show_facts(found, as_json, _readable(facts))
    if not as_json and found["steps"]:
        click.echo(f"\n{_steps(found['steps'])}")


@runs.command("resume", epilog=examples("flows runs resume 3f9a81c2"))
@click.argument("run_id", metavar="ID")
@click.option("--no-progress", is_flag=True, help="No progress on stderr.")
@as_json
@one_sentence
def resume_(run_id: str, no_progress: bool, as_json: bool) -> None:
    """Run what a failed or stopped run left undone, with its parameters, and where it ran; what it completed is reused.

    The new run ends, and is told, as any run. A step whose code was changed in the meantime runs again.
    """
    flow, how = resumed(run_id)
    run_and_tell(flow, load(), how, not no_progress, as_json)


@runs.command("stop", epilog=examples("flows runs stop 3f9a81c2"))
@click.argument("run_id", metavar="ID")
@as_json
@one_sentence
def stop_(run_id: str, as_json: bool) -> None:
    """Stop a run with all its steps, those that wait in queues and those that agents run, and their experiments."""
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
    """With a date of this machine's clock, and whole seconds."""
    seconds = told.get("seconds")
    return {**told, "started": local_date(told.get("started")), "seconds": None if seconds is None else round(seconds)}
