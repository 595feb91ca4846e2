"""Command `flows agent`."""

from typing import Any

import click

from clearml_flows.agents import api as agents
from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.tables import show

COLUMNS = ["worker", "state", "queues", "mode", "task", "pid", "log"]


@click.group("agent", invoke_without_command=True)
@click.pass_context
def agent(context: click.Context) -> None:
    """Manage agents on this machine (default: show them).

    Agents run Tasks from ClearML's queues.
    """
    if context.invoked_subcommand is None:
        context.invoke(status)


@agent.command(
    epilog=examples(
        "flows agent start                          # one agent on the queue default",
        "flows agent start --count 2                # start more until two run",
        "flows agent start --services               # for controllers: queue services, many Tasks at once",
        "flows agent start --queue gpu --queue cpu  # gpu has priority",
    )
)
@click.option("--queue", "queues", multiple=True, help="Queue to take Tasks from; repeatable, the first has priority.")
@click.option("--services", is_flag=True, help="Run many Tasks at once (services mode, for controllers).")
@click.option("--count", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of agents.")
@click.option("--create-queue", is_flag=True, help="Create a queue that does not exist.")
@click.option("--foreground", is_flag=True, help="Run one agent in this process (for systemd and containers).")
@as_json
@one_sentence
def start(
    queues: tuple[str, ...], services: bool, count: int, create_queue: bool, foreground: bool, as_json: bool
) -> None:
    """Start agents in the background, or find them running.

    Agents run steps in the Python environment of this command.
    """
    queues = queues or ("services" if services else "default",)
    if foreground:
        agents.become_agent(queues, services, create_queue)
    _show(agents.start(queues, services, count, create_queue), as_json)


@agent.command(epilog=examples("flows agent stop", "flows agent stop laptop:0"))
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@as_json
@one_sentence
def stop(workers: tuple[str, ...], as_json: bool) -> None:
    """Stop agents and the Tasks that they run (default: all agents here).

    The Tasks are marked as stopped.
    """
    stopped = agents.stop(workers)
    rows = [[one["worker"], one["was"], (one["task"] or {}).get("name")] for one in stopped]
    show({"stopped": stopped}, as_json, ["worker", "was", "task"], rows, "no agent was running")


@agent.command(epilog=examples("flows agent status"))
@as_json
@one_sentence
def status(as_json: bool) -> None:
    """Show the agents that were started here and their Tasks."""
    _show(agents.status(), as_json)


def _show(told: list[dict[str, Any]], as_json: bool) -> None:
    rows = [
        [
            one["worker"],
            one["state"],
            one["queues"],
            "services" if one["services"] else "",
            (one["task"] or {}).get("name"),
            one["pid"],
            one["log"],
        ]
        for one in told
    ]
    show({"agents": told}, as_json, COLUMNS, rows, "no agent was started here; `flows agent start` starts one")
