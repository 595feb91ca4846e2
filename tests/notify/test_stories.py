"""Whatever is put, answered and killed, and whatever the clock does: nothing is lost, or told twice for nothing."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from clearml_flows.notify.outbox import Limits, Outbox
from clearml_flows.notify.outcome import AGAIN, REFUSED, SENT, Outcome
from tests.notify.conftest import NOON, failed

KEYS = ["a", "b", "c", "d"]
CHANNELS = ["mail", "chat"]
LEASE = timedelta(seconds=30)
LIMITS = Limits(1000, 1000, timedelta(days=365))

steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS)),
    st.tuples(st.just("deliver"), st.lists(st.sampled_from([SENT, AGAIN, REFUSED]), min_size=2, max_size=2)),
    st.tuples(st.just("killed"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("wait"), st.sampled_from([-86400, -60, 10, 40, 4000])),
    st.tuples(st.just("retry"), st.none()),
)


class World:
    """A notifier's outbox, the clock, and what reached each channel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outbox = Outbox(folder, LIMITS)
        self.now = NOON
        self.put: set[str] = set()
        self.arrived: Counter[tuple[str, str]] = Counter()
        self.cut_off: Counter[tuple[str, str]] = Counter()

    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.folder, LIMITS)

    def send(self, channel: str, state: str, killed: bool = False) -> None:
        """A process sends the channel's next message; killed, it has sent it and did not live to tell."""
        for message in self.outbox.claim(channel, self.now, self.now + LEASE, 1):
            key = (message.event.key, channel)
            self.arrived[key] += state == SENT
            self.cut_off[key] += killed
            if not killed:
                self.outbox.settle(channel, [message], {message.number: Outcome(state)}, self.now)

    def step(self, what: str, value: object) -> None:
        if what == "put":
            self.put.add(str(value))
            self.outbox.put(str(value), failed(str(value)), CHANNELS)
        elif what == "deliver" and isinstance(value, list):
            for channel, state in zip(CHANNELS, value, strict=True):
                self.send(channel, state)
        elif what == "killed":
            self.send(str(value), SENT, killed=True)
            self.restart()
        elif what == "wait" and isinstance(value, int):
            self.now += timedelta(seconds=value)
        else:
            self.outbox.retry(CHANNELS)


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        one = World(Path(folder))
        yield one
        one.outbox.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(steps, min_size=4, max_size=14))
def test_each_message_arrives_once_and_again_only_if_its_sender_was_killed(story: list[tuple[str, object]]) -> None:
    with world() as played:
        for what, value in story:
            played.step(what, value)
        played.outbox.retry(CHANNELS)
        for _ in range(2 * len(KEYS)):
            played.now += timedelta(hours=2)
            played.step("deliver", [SENT, SENT])
        wanted = {(key, channel) for key in played.put for channel in CHANNELS}
        assert {key for key, count in played.arrived.items() if count} == wanted
        assert all(count <= 1 + played.cut_off[key] for key, count in played.arrived.items())
        assert all(counts["pending"] == counts["given_up"] == 0 for counts in played.outbox.told().values())
