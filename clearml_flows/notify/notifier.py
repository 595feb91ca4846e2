"""`Notifier` stores events and delivers those that are due.

    settings ─ channels.py: names, URLs, routes ─┐
    put(event) ─ message.py: safe() ─ outbox.py ─┴─ deliver(now) ─ sender.py, a process for each channel
                                                                  ├─ services.py: apprise
                                                                  └─ webhook.py: the plain webhook

Delivery is at least once: a message is marked as sent after it was sent. A message that is being sent
when the process is killed is sent again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from clearml_flows.events import Event
from clearml_flows.notify.channels import Channel, find_channels, find_routes
from clearml_flows.notify.journal import Journal
from clearml_flows.notify.masking import Masker, tokens
from clearml_flows.notify.message import compose, document, safe
from clearml_flows.notify.outbox import Limits, Outbox, Waiting
from clearml_flows.notify.outcome import AGAIN, SENT, Outcome
from clearml_flows.notify.own_secrets import of_files, of_server
from clearml_flows.notify.sender import Delivery, Sender
from clearml_flows.settings import Settings

AT_ONCE = 20  # messages per sending process
GRACE_SECONDS = 10  # after a process's timeout, before its messages may be claimed again


class Notifier:
    """Stores events and sends each once, also across restarts.

    Args:
        settings: the settings.
        folder: the data directory.
        environment: variables with channel URLs and with secrets to mask.
        strict: raise if a route names a channel that is not configured.

    Raises:
        BadInput: a channel or a route is wrong.
        FlowsError: the outbox cannot be used.
    """

    def __init__(
        self, settings: Settings, folder: Path, environment: Mapping[str, str] = os.environ, strict: bool = True
    ) -> None:
        self.given = settings.notify
        self.urls_file = folder / Path(self.given.urls_file).expanduser()
        self.channels = find_channels(self.urls_file, environment)
        self.routes = find_routes(self.given, self.channels, strict)
        self._settings = settings
        self._folder = folder
        self._environment = environment
        self.journal = Journal(folder)
        limits = Limits(self.given.most, self.given.attempts, timedelta(seconds=self.given.give_up_after))
        self.outbox = Outbox(folder, limits)

    def put(self, event: Event) -> None:
        """Store the event for the channels of its kind. Durable on return.

        An event with a key that is stored already is ignored.
        """
        self.outbox.put(event.key, safe(event, self.masker()), self.routes.get(event.kind, self.channels))

    def deliver(self, now: datetime) -> None:
        """Send due messages to all channels in parallel, within about `notify.timeout` seconds.

        A channel that fails backs off. The wait doubles with each failure.
        """
        for message, why in self.outbox.give_up_old(now):
            self._tell(now, f"given up {self._named(message.channel)} ({why})", message)
        until = now + timedelta(seconds=self.given.timeout + GRACE_SECONDS)
        claimed = {name: self.outbox.claim(name, now, until, AT_ONCE) for name in self.channels}
        due = {name: messages for name, messages in claimed.items() if messages}
        for name, outcomes in self.send(due):
            states = self.outbox.settle(name, due[name], outcomes, now)
            for message in due[name]:
                if message.number in states:
                    self._record(now, message, states[message.number], outcomes[message.number])

    def send(self, due: Mapping[str, Sequence[Waiting]]) -> Iterator[tuple[str, dict[int, Outcome]]]:
        """Send messages, one process per channel, and yield outcomes as each process ends."""
        senders = {name: self._sender(self.channels[name], messages) for name, messages in due.items()}
        with ThreadPoolExecutor(max(1, len(senders))) as pool:
            try:
                names = {pool.submit(sender.outcomes): name for name, sender in senders.items()}
                for done in as_completed(names):
                    yield names[done], done.result()
            finally:
                for sender in senders.values():
                    sender.stop()

    def masker(self) -> Masker:
        """Return a masker of the current secrets."""
        return Masker(self._environment, [*self._known_secrets, *of_files(self._folder)])

    @cached_property
    def _known_secrets(self) -> list[str]:
        # Computed on first use: reading clearml.conf takes a second.
        of_channels = [token for one in self.channels.values() for token in tokens(one.url)]
        return [*of_channels, *of_server(self._settings)]

    def close(self) -> None:
        self.outbox.close()

    def _sender(self, channel: Channel, messages: Sequence[Waiting]) -> Sender:
        deliveries = [self._delivery(channel, message) for message in messages]
        return Sender(channel, deliveries, self.given.timeout)

    def _delivery(self, channel: Channel, message: Waiting) -> Delivery:
        event = message.event
        limit = channel.limit(self.given.max_bytes)
        if channel.plain_webhook:
            return Delivery(message.number, event.kind, document=document(event, limit))
        told = compose(event, channel.style, limit)
        return Delivery(message.number, event.kind, told.subject, told.body)

    def _record(self, now: datetime, message: Waiting, state: str, outcome: Outcome) -> None:
        channel = self._named(message.channel)
        attempts = message.attempts + 1
        if outcome.state == SENT:
            self._tell(now, f"sent {channel}", message)
        elif state == "pending":
            again = self.outbox.next_try(message.channel)
            self._tell(now, f"failed {channel} (attempt {attempts}, next at {again}; {outcome.error})", message)
        else:
            why = f"after {attempts} attempts; " if outcome.state == AGAIN else ""
            self._tell(now, f"given up {channel} ({why}{outcome.error})", message)

    def _named(self, name: str) -> str:
        return f"{name} {self.channels[name].address}" if name in self.channels else name

    def _tell(self, now: datetime, what: str, message: Waiting) -> None:
        self.journal.write(now, f"{what}: {message.event.kind}: {message.event.subject} [{message.event.key}]")
