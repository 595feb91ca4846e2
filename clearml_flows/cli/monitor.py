"""Commands `flows monitor …`: status of runs and the monitor process."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.tables import show, show_facts, table, terminal_width
from clearml_flows.errors import BadInput, Unreachable
from clearml_flows.monitor.api import list_statuses, run_status
from clearml_flows.monitor.loop import log_folder
from clearml_flows.monitor.loop import watch as watch_until_told
from clearml_flows.monitor.records import line_date, word
from clearml_flows.plain_text import cell, local_date
from clearml_flows.run.snapshot import RUNNING
from clearml_flows.settings import load
from clearml_flows.spelling import did_you_mean

LOOK_EVERY = 1.0
AWAY_FOR = 120.0
Json = dict[str, Any]


class _WithRun(click.Group):
    """Group whose first argument may be a run id instead of a command (default: the last run)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        shown = words[0] not in self.commands if words else not {"-h", "--help"} & set(args)
        return super().parse_args(ctx, ["show", *args] if shown else args)


@click.group(cls=_WithRun, subcommand_metavar="[RUN_ID] | COMMAND [ARGS]...")
def monitor() -> None:
    """Show a run's progress (default: the last run).

    RUN_ID is the id of a run of any pipeline on the backend, or its beginning. `flows monitor watch` sends
    notifications of ended, stuck and missed runs.
    """


@monitor.command(
    "show", epilog=examples("flows monitor show         # as flows monitor", "flows monitor show 3f9a81c2")
)
@click.argument("run_id", metavar="[RUN_ID]", default="")
@click.option("--follow", is_flag=True, help="Print changes until the run ends; with --json, JSON lines.")
@as_json
@one_sentence
def show_(run_id: str, follow: bool, as_json: bool) -> None:
    """Show the status and times of a run and its steps.

    The output also says whether a monitor watches.

    With --follow the exit code is 1 for a run that failed or was stopped.
    """
    if run_id and not re.fullmatch(r"[0-9a-fA-F]{1,32}", run_id):
        raise BadInput(f"{run_id[:80]!r} is neither a command nor a run id{did_you_mean(run_id, monitor.commands)}")
    told = run_status(run_id)
    if follow:
        _follow(told, as_json)
    else:
        _show(told, as_json)


@monitor.command("list", epilog=examples("flows monitor list", "flows monitor list --last 5 --json"))
@click.option(
    "-n", "--last", type=click.IntRange(1, 500), default=20, show_default=True, help="Maximum number of runs."
)
@as_json
@one_sentence
def list_(last: int, as_json: bool) -> None:
    """List the last runs of all pipelines, the newest first."""
    found = list_statuses(last)
    columns = ["run", "flow", "status", "started", "seconds", "steps", "at"]
    show(found, as_json, columns, [_row(one) for one in found], "no pipeline has run yet; `flows run churn` runs one")


@monitor.command(epilog=examples("flows monitor watch", "flows monitor watch --once     # as cron may do"))
@click.option("--once", is_flag=True, help="Check once, send notifications, and end.")
@one_sentence
def watch(once: bool) -> None:
    """Watch all runs and schedules until SIGTERM or Ctrl-C.

    The monitor sends a notification when a run ends, is stuck, waits for a missing agent, or misses its
    schedule. This includes events from before its start. Steps of this package's runs whose worker died are marked
    failed, so that they are retried. pipeline_monitor.log and pipeline_monitor.jsonl have all changes.

    A data directory has one monitor: a second one names the first and ends with exit code 4. The monitor does not
    start an embedded backend. While its checks succeed, it requests FLOWS_HEARTBEAT_URL, for a dead-man switch.
    """
    settings = load()
    if not once:
        _line(f"the log is {log_folder(settings) / 'pipeline_monitor.log'}")
    watch_until_told(settings, _line, once)


def _follow(told: Json, as_json: bool) -> None:
    before: Json = {}
    while True:
        _changes(before, told, as_json)
        if told["status"] not in RUNNING:
            raise SystemExit(0 if told["status"] in ("completed", "published", "closed") else 1)
        before, told = told, _later(told["run_id"])


def _later(run_id: str) -> Json:
    """Return the run's status after a pause, with a bounded wait for an absent backend."""
    deadline = time.monotonic() + AWAY_FOR
    while True:
        time.sleep(LOOK_EVERY)
        try:
            return run_status(run_id)
        except Unreachable:
            if time.monotonic() > deadline:
                raise


def _changes(before: Json, told: Json, as_json: bool) -> None:
    known = {step["name"]: step["status"] for step in before.get("steps", [])}
    changed = [step for step in told["steps"] if known.get(step["name"]) != step["status"]]
    if before and before["status"] == told["status"] and not changed:
        return
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"[{line_date(datetime.now(UTC))}] Pipeline {told['run_id']}: {word(told['status'])}")
    for step in changed:
        click.echo(f"  {cell(step['name'])}: {word(step['status'])}{_seconds(step)}")
        if step["message"]:
            click.echo(f"    {cell(step['message'])}")


def _show(told: Json, as_json: bool) -> None:
    facts = {
        "run": told["run_id"],
        "name": told["name"],
        "flow": told["flow"],
        "status": word(told["status"]),
        "started": local_date(told["started"]),
        "seconds": round(told["seconds"]),
        "message": told["message"],
        "page": told["url"],
        "watched": _watched(told["watcher"]),
    }
    show_facts(told, as_json, {name: value for name, value in facts.items() if value not in (None, "")})
    if not as_json and told["steps"]:
        columns = ["step", "status", "started", "seconds"]
        rows = [
            [step["name"], word(step["status"]), local_date(step["started"]), round(step["seconds"])]
            for step in told["steps"]
        ]
        click.echo(f"\n{table(columns, rows, terminal_width())}")
        for step in told["steps"]:
            if step["message"]:
                click.echo(f"{cell(step['name'])}: {cell(step['message'])}")


def _watched(watcher: Json) -> str:
    if watcher["alive"]:
        return f"by process {watcher['pid']}, last check {local_date(watcher['at'])}"
    last = f", last check {local_date(watcher['at'])}" if watcher["at"] else ""
    return f"no (start one with `flows monitor watch`){last}"


def _row(told: Json) -> list[Any]:
    steps = told["steps"]
    done = sum(step["status"] in ("completed", "cached", "published") for step in steps)
    at = [step["name"] for step in steps if step["status"] not in ("completed", "cached", "published", "pending")]
    return [
        told["run_id"],
        told["flow"],
        word(told["status"]),
        local_date(told["started"]),
        round(told["seconds"]),
        f"{done} of {len(steps)}",
        at,
    ]


def _seconds(step: Json) -> str:
    return f" ({step['seconds']:.1f} s)" if step["seconds"] else ""


def _line(line: str) -> None:
    click.echo(line, err=True)
