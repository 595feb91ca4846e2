"""`flows agent`: the agents of this machine."""

from typing import Any

import click

from ops import agent as agents
from ops.command import as_json, examples, one_sentence
from ops.tables import show

COLUMNS = ["worker", "state", "queues", "mode", "task", "pid", "log"]


@click.group("agent", invoke_without_command=True)
@click.pass_context
def agent(context: click.Context) -> None:
    """Agents on this machine, which run what is in ClearML's queues. Without a command: how they are."""
    if context.invoked_subcommand is None:
        context.invoke(status)


@agent.command(
    epilog=examples(
        "flows agent start                          # one on the queue default",
        "flows agent start --count 2                # or find one, and start another",
        "flows agent start --services               # for controllers: on the queue services, many Tasks at once",
        "flows agent start --queue gpu --queue cpu  # looks into gpu first",
    )
)
@click.option("--queue", "queues", multiple=True, help="The queue; repeat for more, the first has priority.")
@click.option("--services", is_flag=True, help="In services mode: Tasks that mostly wait, many at once.")
@click.option("--count", type=click.IntRange(1, 64), default=1, show_default=True, help="How many are to run.")
@click.option("--create-queue", is_flag=True, help="Make a queue that is not there.")
@click.option("--foreground", is_flag=True, help="Be one agent, until it is ended: for systemd and containers.")
@as_json
@one_sentence
def start(
    queues: tuple[str, ...], services: bool, count: int, create_queue: bool, foreground: bool, as_json: bool
) -> None:
    """Start agents in the background, or find them running. They run steps in the Python that this command runs in."""
    queues = queues or ("services" if services else "default",)
    if foreground:
        agents.become_agent(queues, services, create_queue)
    _show(agents.start(queues, services, count, create_queue), as_json)


@agent.command(epilog=examples("flows agent stop", "flows agent stop laptop:0"))
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@as_json
@one_sentence
def stop(workers: tuple[str, ...], as_json: bool) -> None:
    """Stop agents, with what they run; all of this machine's without a name. What they ran is marked stopped."""
    stopped = agents.stop(workers)
    rows = [[one["worker"], one["was"], (one["task"] or {}).get("name")] for one in stopped]
    show({"stopped": stopped}, as_json, ["worker", "was", "task"], rows, "no agent was running")


@agent.command(epilog=examples("flows agent status"))
@as_json
@one_sentence
def status(as_json: bool) -> None:
    """Say what each agent that was started here does."""
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
