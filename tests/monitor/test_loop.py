"""The pauses between looks, and what comes after each."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clearml_flows.monitor.loop import Watch

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Parts:
    """Monitor, notifier and heartbeat at once; `answers` are what the looks see."""

    answers: list[str]
    beats: list[str] = field(default_factory=list)
    delivered: int = 0

    def look(self, _now: datetime) -> str:
        return self.answers.pop(0)

    def beat(self, _now: datetime, looked: str) -> None:
        self.beats.append(looked)

    def deliver(self, _now: datetime) -> None:
        self.delivered += 1


def test_while_the_backend_is_away_looks_become_rarer_and_messages_go_out() -> None:
    parts: Any = Parts(["runs", *[""] * 6, "runs"])
    watch = Watch(parts, parts, parts, interval=30.0)
    pauses = []
    for _ in range(8):
        watch.look(NOW)
        pauses.append(watch.pause)
    assert pauses == [30, 60, 120, 240, 300, 300, 300, 30]
    assert (parts.beats, parts.delivered) == (["runs", "runs"], 8)
