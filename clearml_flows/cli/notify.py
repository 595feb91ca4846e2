"""Commands `flows notify …`: channels of notifications and their messages."""

from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.tables import say, show
from clearml_flows.errors import FlowsError
from clearml_flows.notify import api
from clearml_flows.plain_text import local_date

COLUMNS = ["channel", "url", "source", "pending", "given_up", "sent", "next try", "error"]
channels = click.argument("channel", nargs=-1, metavar="[CHANNEL]...")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def notify(context: click.Context, as_json: bool) -> None:
    """Send notifications by mail, chat or webhook (default: list channels).

    A channel is a URL. Set it in an environment variable FLOWS_NOTIFY_NAME, or in a line `name = URL` of the file
    notify.urls (in the data directory, chmod 600). The URL in CLEARML_WEBHOOK_URL gets JSON. `flows monitor watch`
    sends the notifications.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@notify.command("list", epilog=examples("flows notify list", "flows notify list --json"))
@as_json
@one_sentence
def list_(as_json: bool) -> None:
    """List channels with their message counts and last error.

    Secrets in URLs are masked.
    """
    found = api.list_channels()
    empty = "no channel is configured; see `flows notify --help`"
    show(found, as_json, COLUMNS, [_row(one) for one in found], empty, spare=["source", "sent"])


@notify.command(epilog=examples("flows notify test", "flows notify test slack"))
@channels
@as_json
@one_sentence
def test(channel: tuple[str, ...], as_json: bool) -> None:
    """Send a test message to each CHANNEL, or to all.

    The exit code is 1 if a channel does not accept the message.
    """
    done = api.send_test(channel)
    lines = [f"{one['channel']} {one['url']}: {one['error'] or 'sent'}" for one in done]
    say(done, as_json, "\n".join(lines))
    failed = [one["channel"] for one in done if not one["sent"]]
    if failed:
        raise FlowsError(f"the test message was not sent to {', '.join(failed)}")


@notify.command(epilog=examples("flows notify retry", "flows notify retry mail"))
@channels
@as_json
@one_sentence
def retry(channel: tuple[str, ...], as_json: bool) -> None:
    """Send given up and pending messages now.

    Without CHANNEL, for all channels.
    """
    found = api.retry(channel)
    show(found, as_json, COLUMNS, [_row(one) for one in found])


@notify.command(epilog=examples("flows notify drop mail", "flows notify drop"))
@channels
@as_json
@one_sentence
def drop(channel: tuple[str, ...], as_json: bool) -> None:
    """Give up all pending messages of each CHANNEL, or of all.

    Use this after a failure that is over.
    """
    done = api.drop(channel)
    say(done, as_json, f"{done['dropped']} messages were given up")


def _row(told: dict[str, Any]) -> list[Any]:
    named = {**told, "url": told["url"] or "not configured here", "next try": local_date(told["next_try"])}
    return [named[column] for column in COLUMNS]
