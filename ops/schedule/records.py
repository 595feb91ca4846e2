"""A schedule and a run of it, as they are kept. Instants are in UTC, to the second."""

import json
import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from ops.schedule import times

OVERLAPS = ("forbid", "queue", "allow", "replace")
CATCH_UPS = ("none", "latest", "all")
REPLACED = "replaced by a later run of its schedule"
TAG = "scheduled"  # on the Task of every run that a schedule started

# What may become of a run. waiting: for the one before it. claimed: it is to be started, and will be, once. launched:
# its process was started. begun: that process took it over. The others are ends: done, failed (it did not start, or did
# not complete), skipped (another one was under way), missed (its time passed, and it was not made up for).
OPEN = ("waiting", "claimed", "launched", "begun")


@dataclass(frozen=True)
class Schedule:
    """When which flow is run, and how. `seen`: up to there all due times are dealt with. `due`: when to look again."""

    id: str
    name: str
    kind: str
    timing: str
    zone: str
    flow: str
    options: tuple[str, ...]
    max_runs: int | None
    overlap: str
    catch_up: str
    grace: int
    jitter: int
    state: str
    created: datetime
    seen: datetime
    due: datetime | None
    claimed: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> "Schedule":
        values = dict(row)
        values["options"] = tuple(json.loads(values["options"]))
        values.update({name: instant(values[name]) for name in ("created", "seen")})
        return cls(**{**values, "due": instant(values["due"]) if values["due"] else None})

    @cached_property
    def times(self) -> times.Timing:
        """Raises BadInput if its zone is no longer known."""
        return times.timing(self.kind, self.timing, self.zone, self.created)

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def when(self) -> str:
        return {"interval": f"every {self.timing} s", "daily": f"daily {self.timing}"}.get(self.kind, self.timing)


@dataclass(frozen=True)
class Run:
    """A run of a schedule, or `count` of them that were missed, up to the time `scheduled`."""

    number: int
    schedule: str
    scheduled: datetime
    state: str
    count: int
    why: str
    attempts: int
    claimed: datetime
    pid: int | None
    born: float | None
    began: datetime | None
    ended: datetime | None
    exit_code: int | None
    task: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> "Run":
        values = dict(row)
        names = ("scheduled", "claimed", "began", "ended")
        return cls(**{**values, **{name: instant(values[name]) if values[name] else None for name in names}})

    @property
    def key(self) -> str:
        """What tells it from every other run; its Task has it as a tag."""
        return f"{self.schedule}@{text(self.scheduled)}"

    @property
    def tags(self) -> list[str]:
        return [TAG, self.key]


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def text(when: datetime) -> str:
    """2026-11-23T08:00:00Z: of one length, so that as texts they have the order of the instants."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(record: Schedule | Run) -> dict[str, Any]:
    """A record as JSON tells it."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: text(value) if isinstance(value, datetime) else value for name, value in values.items()}
