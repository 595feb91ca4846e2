"""Records of the schedules' store: `Schedule` and `Run`. Times are in UTC, to the second."""

import json
import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from clearml_flows.schedule import times

OVERLAPS = ("forbid", "queue", "allow", "replace")
CATCH_UPS = ("none", "latest", "all")
REPLACED = "replaced by a later run of its schedule"
TAG = "scheduled"  # tag of the Task of every scheduled run

# States of a run that has not ended. waiting: for the previous run. claimed: to be started once. launched: its process
# was started. begun: its process took the run. End states: done, failed (did not start or complete), skipped (another
# run was under way), missed (its time passed and was not caught up).
OPEN = ("waiting", "claimed", "launched", "begun")


@dataclass(frozen=True)
class Schedule:
    """A schedule of a flow.

    All due times up to `seen` are handled; `due` is the time of the next check.
    """

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
        """The schedule's due times. Raises BadInput if the system does not know the time zone."""
        return times.timing(self.kind, self.timing, self.zone, self.created)

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def when(self) -> str:
        return {"interval": f"every {self.timing} s", "daily": f"daily {self.timing}"}.get(self.kind, self.timing)


@dataclass(frozen=True)
class Run:
    """A run of a schedule, or `count` missed runs of which `scheduled` is the last time."""

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
        """Unique key of the run, also a tag of its Task: `SCHEDULE_ID@TIME`."""
        return f"{self.schedule}@{text(self.scheduled)}"

    @property
    def tags(self) -> list[str]:
        return [TAG, self.key]


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def text(when: datetime) -> str:
    """Format a time as 2026-11-23T08:00:00Z. Texts of this form sort like the times."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(record: Schedule | Run) -> dict[str, Any]:
    """Return the record as a JSON document."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: text(value) if isinstance(value, datetime) else value for name, value in values.items()}
