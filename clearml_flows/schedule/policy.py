"""Which due times of a schedule to run, and when: pure functions of a schedule and the time."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearml_flows.schedule.records import Run, Schedule, text
from clearml_flows.schedule.times import passed


@dataclass(frozen=True)
class Choice:
    """The due times up to `seen`, split into runs to start and missed ones.

    Attributes:
        chosen: due times to run.
        missed: number of the other due times; at least this many if `exact` is false.
        first: first due time.
        last: last missed due time.
        seen: last due time.
    """

    chosen: tuple[datetime, ...]
    missed: int
    exact: bool
    first: datetime | None
    last: datetime | None
    seen: datetime

    @property
    def sentence(self) -> str:
        if self.missed == 1:
            return "its time passed while no scheduler ran"
        count = f"{self.missed}" if self.exact else f"more than {self.missed}"
        return f"{count} runs from {text(self.first or self.seen)} on were missed while no scheduler ran"


def jitter(schedule: Schedule, scheduled: datetime) -> timedelta:
    """Return the delay of a run's start. It is the same at each call for the same run."""
    digest = hashlib.sha256(f"{schedule.id}@{text(scheduled)}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % (schedule.jitter + 1))


def next_look(schedule: Schedule, seen: datetime) -> datetime:
    """Return the start time of the first run after `seen`."""
    due = schedule.times.after(seen)
    return due + jitter(schedule, due)


def choose(schedule: Schedule, now: datetime, most: int) -> Choice | None:
    """Choose the runs among the due times up to `now`, or return None if nothing is due.

    With `catch_up` `none`, it keeps a time that is at most `grace` seconds late. With `latest` it keeps the last
    time, however late. With `all` it keeps the last `most` times.
    """
    if next_look(schedule, schedule.seen) > now:
        return None
    until = max(schedule.times.after(schedule.seen), now - timedelta(seconds=schedule.jitter))
    wanted = most if schedule.catch_up == "all" else 1
    found = passed(schedule.times, schedule.seen, until, wanted + 1)
    chosen = found.latest[-wanted:]
    if schedule.catch_up == "none":
        chosen = tuple(due for due in chosen if not too_late(schedule, due, now))
    left = found.latest[: len(found.latest) - len(chosen)]
    missed = found.count - len(chosen)
    return Choice(chosen, missed, found.exact, found.first, left[-1] if left else None, found.latest[-1])


def too_late(schedule: Schedule, due: datetime, now: datetime) -> bool:
    return now - due - jitter(schedule, due) > timedelta(seconds=schedule.grace)


def belongs(schedule: Schedule, tags: tuple[str, ...]) -> bool:
    """Return whether a Task with these tags is a run of the schedule."""
    return any(tag.startswith(f"{schedule.id}@") for tag in tags)


def age(run: Run, now: datetime) -> timedelta:
    return now - (run.began or run.claimed)
