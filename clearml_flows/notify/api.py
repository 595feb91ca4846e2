"""Operations on notifications for the command line.

Each returns the data that `--json` prints.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import BadInput
from clearml_flows.events import Event
from clearml_flows.notify.message import safe
from clearml_flows.notify.notifier import Notifier
from clearml_flows.notify.outbox import Waiting
from clearml_flows.notify.outcome import SENT
from clearml_flows.settings import load
from clearml_flows.spelling import did_you_mean

NO_CHANNEL = "no channel is configured; set FLOWS_NOTIFY_NAME or CLEARML_WEBHOOK_URL, or write `name = URL` into {file}"


def list_channels() -> list[dict[str, Any]]:
    """Return each channel with its masked URL, source, kinds of events and message counts.

    A channel with messages but without a configuration here has `url` None. This is the case in a shell
    without the service's environment.
    """
    with _opened() as notifier:
        told = notifier.outbox.told()
        found = [_told(notifier, name, told.get(name, {})) for name in notifier.channels]
        return found + [_told(notifier, name, told[name]) for name in told if name not in notifier.channels]


def send_test(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Send a test message now, without retries, to these channels or all.

    Returns:
        `[{channel, url, sent, error}]`.

    Raises:
        BadInput: a channel does not exist, none is configured, or a route names an unknown channel.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with _opened(strict=True) as notifier:
        chosen = _chosen(notifier, names)
        event = safe(_test_event(now), notifier.masker())
        outcomes = dict(notifier.send({name: [Waiting(0, name, 0, event)] for name in chosen}))
        told = []
        for name in chosen:
            outcome = outcomes[name][0]
            told.append({"channel": name, "url": notifier.channels[name].address,
                         "sent": outcome.state == SENT, "error": outcome.error or None})  # fmt: skip
            notifier.journal.write(now, f"test {name} {told[-1]['url']}: {outcome.error or SENT}")
        return told


def retry(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Make given up messages pending, send what is pending, and return the channels.

    The result is as of `list_channels`.
    """
    with _opened() as notifier:
        chosen = _chosen(notifier, names)
        notifier.outbox.retry(chosen)
        notifier.deliver(datetime.now(UTC))
        told = notifier.outbox.told()
        return [_told(notifier, name, told.get(name, {})) for name in chosen]


def drop(names: Sequence[str] = ()) -> dict[str, Any]:
    """Give up the pending messages of these channels or of all; return `{"dropped": count}`."""
    with _opened() as notifier:
        known = list(dict.fromkeys([*notifier.channels, *notifier.outbox.told()]))
        _check(names, known)
        return {"dropped": notifier.outbox.drop(names or known, datetime.now(UTC))}


@contextmanager
def _opened(strict: bool = False) -> Iterator[Notifier]:
    settings = load()
    # The shell of an operator may lack channels of the service.
    notifier = Notifier(settings, data_dir(settings), strict=strict)
    try:
        yield notifier
    finally:
        notifier.close()


def _chosen(notifier: Notifier, names: Sequence[str]) -> list[str]:
    if not notifier.channels:
        raise BadInput(NO_CHANNEL.format(file=notifier.urls_file))
    _check(names, notifier.channels)
    return list(dict.fromkeys(names)) or list(notifier.channels)


def _check(names: Sequence[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise BadInput(f"there is no channel {name!r}{did_you_mean(name, known)}")


def _told(notifier: Notifier, name: str, counts: dict[str, Any]) -> dict[str, Any]:
    channel = notifier.channels.get(name)
    return {
        "channel": name,
        "url": channel.address if channel else None,
        "source": channel.source if channel else None,
        "kinds": [kind for kind, names in notifier.routes.items() if name in names and kind != "test"],
        **{state: counts.get(state, 0) for state in ("pending", "sent", "given_up", "failures")},
        "next_try": counts.get("next_try"),
        "error": counts.get("error") or None,
    }


def _test_event(now: datetime) -> Event:
    facts = {"status": "this is a test, sent by `flows notify test`"}
    return Event(f"test {secrets.token_hex(6)}", "test", now, "test of a notification from clearml-flows", facts)
