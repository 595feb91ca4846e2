"""Who tells of events: it keeps them until they are sent, and sends what is due.

    settings ─ channels.py: names, URLs, routes ─┐
    put(event) ─ message.py: safe() ─ outbox.py ─┴─ deliver(now) ─ handover.py, a process for each channel
                                                                    ├─ services.py: apprise
                                                                    └─ webhook.py: the plain webhook

A message is sent at least once: it is marked as sent after it was, so one that was on its way when the process was
killed is sent again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from flows.settings import Settings
from ops.events import Event
from ops.notify.channels import Channel, find_channels, find_routes
from ops.notify.handover import Handover, Parcel
from ops.notify.journal import Journal
from ops.notify.masking import Masker, tokens
from ops.notify.message import compose, document, safe
from ops.notify.outbox import Limits, Outbox, Waiting
from ops.notify.outcome import AGAIN, SENT, Outcome
from ops.notify.own_secrets import of_files, of_server

AT_ONCE = 20  # messages that one process sends
GRACE_SECONDS = 10  # beyond the time of a process, before its messages are taken for lost with it


class Teller:
    """Tells of events, once each, over restarts.

    Args:
        folder: the data directory.
        environment: where URLs and secrets to mask are looked for.
        strict: whether each channel that a route names must be there.

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
        """Keep the event for the channels that its kind goes to. It is on the disk when this returns.

        An event of a key that was put before changes nothing, whatever became of it.
        """
        self.outbox.put(event.key, safe(event, self.masker()), self.routes.get(event.kind, self.channels))

    def deliver(self, now: datetime) -> None:
        """Send what is due, to all channels at once; takes `notify.timeout` seconds at most, and a little.

        A channel that does not take a message is left alone for a while, which doubles each time.
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
        """Hand messages over to processes, one for each channel; what became of them, the first one done first."""
        handovers = {name: self._handover(self.channels[name], messages) for name, messages in due.items()}
        with ThreadPoolExecutor(max(1, len(handovers))) as pool:
            try:
                names = {pool.submit(handover.outcomes): name for name, handover in handovers.items()}
                for done in as_completed(names):
                    yield names[done], done.result()
            finally:
                for handover in handovers.values():
                    handover.stop()

    def masker(self) -> Masker:
        """What takes out of texts what is secret now."""
        return Masker(self._environment, [*self._known_secrets, *of_files(self._folder)])

    @cached_property
    def _known_secrets(self) -> list[str]:
        # Not before it is needed: to read a clearml.conf takes a second.
        of_channels = [token for one in self.channels.values() for token in tokens(one.url)]
        return [*of_channels, *of_server(self._settings)]

    def close(self) -> None:
        self.outbox.close()

    def _handover(self, channel: Channel, messages: Sequence[Waiting]) -> Handover:
        parcels = [self._parcel(channel, message) for message in messages]
        return Handover(channel, parcels, self.given.timeout)

    def _parcel(self, channel: Channel, message: Waiting) -> Parcel:
        event = message.event
        limit = channel.limit(self.given.max_bytes)
        if channel.plain_webhook:
            return Parcel(message.number, event.kind, document=document(event, limit))
        told = compose(event, channel.style, limit)
        return Parcel(message.number, event.kind, told.subject, told.body)

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
