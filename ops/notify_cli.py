"""`flows notify`: who is told of what happens, and what became of it."""

from typing import Any

import click

from flows.errors import FlowsError
from ops.command import as_json, examples, one_sentence
from ops.notify import verbs
from ops.tables import local_date, say, show

COLUMNS = ["channel", "url", "source", "pending", "given_up", "sent", "next try", "error"]
channels = click.argument("channel", nargs=-1, metavar="[CHANNEL]...")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def notify(context: click.Context, as_json: bool) -> None:
    """Messages about runs, by mail, chat or webhook. Without a command: the channels.

    A channel is a URL: an environment variable FLOWS_NOTIFY_NAME, a line `name = URL` of the file notify.urls in the
    data directory (chmod 600), or CLEARML_WEBHOOK_URL, which gets JSON. `flows monitor watch` sends what happens.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@notify.command("list", epilog=examples("flows notify list"))
@as_json
@one_sentence
def list_(as_json: bool) -> None:
    """The channels, without their secrets: what waits for each, what was given up, and the last error."""
    found = verbs.list_channels()
    empty = "no channel is configured; `flows notify --help` tells how"
    show(found, as_json, COLUMNS, [_row(one) for one in found], empty, spare=["source", "sent"])


@notify.command(epilog=examples("flows notify test", "flows notify test slack"))
@channels
@as_json
@one_sentence
def test(channel: tuple[str, ...], as_json: bool) -> None:
    """Send a test message to each CHANNEL, or to all; exit code 1 if one does not take it."""
    done = verbs.send_test(channel)
    lines = [f"{one['channel']} {one['url']}: {one['error'] or 'sent'}" for one in done]
    say(done, as_json, "\n".join(lines))
    failed = [one["channel"] for one in done if not one["sent"]]
    if failed:
        raise FlowsError(f"nothing was sent to {', '.join(failed)}")


@notify.command(epilog=examples("flows notify retry", "flows notify retry mail"))
@channels
@as_json
@one_sentence
def retry(channel: tuple[str, ...], as_json: bool) -> None:
    """Send what was given up again, and what waits at once, for each CHANNEL or for all."""
    found = verbs.retry(channel)
    show(found, as_json, COLUMNS, [_row(one) for one in found])


@notify.command(epilog=examples("flows notify drop mail"))
@channels
@as_json
@one_sentence
def drop(channel: tuple[str, ...], as_json: bool) -> None:
    """Give up all messages that wait for each CHANNEL, or for all, as after a night of trouble that is over."""
    done = verbs.drop(channel)
    say(done, as_json, f"{done['dropped']} messages are given up")


def _row(told: dict[str, Any]) -> list[Any]:
    named = {**told, "url": told["url"] or "not configured here", "next try": local_date(told["next_try"])}
    return [named[column] for column in COLUMNS]
