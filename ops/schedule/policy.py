"""Which of the due times are run, and when: pure functions of a schedule and the time."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.schedule.records import Run, Schedule, text
from ops.schedule.times import passed


@dataclass(frozen=True)
class Choice:
    """Of the due times up to `seen`: those to run, the rest in numbers (`first` to `last`), and whether it was all."""

    chosen: tuple[datetime, ...]
    missed: int
    exact: bool
    first: datetime | None
    last: datetime | None
    seen: datetime

    @property
    def sentence(self) -> str:
        if self.missed == 1:
            return "its time passed while no scheduler was looking"
        count = f"{self.missed}" if self.exact else f"more than {self.missed}"
        return f"{count} runs from {text(self.first or self.seen)} on were missed while no scheduler was looking"


def jitter(schedule: Schedule, scheduled: datetime) -> timedelta:
    """How much later than its time a run is started: the same for a run whenever it is asked for."""
    digest = hashlib.sha256(f"{schedule.id}@{text(scheduled)}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % (schedule.jitter + 1))


def next_look(schedule: Schedule, seen: datetime) -> datetime:
    """When the first run after `seen` is to be started."""
    due = schedule.times.after(seen)
    return due + jitter(schedule, due)


def choose(schedule: Schedule, now: datetime, most: int) -> Choice | None:
    """What to do with the due times that are not dealt with yet; None if there are none.

    catch_up `none` runs what is not later than `grace`, `latest` the last one however late, `all` the last `most`.
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
    """Whether a Task of these tags is a run of the schedule."""
    return any(tag.startswith(f"{schedule.id}@") for tag in tags)


def age(run: Run, now: datetime) -> timedelta:
    return now - (run.began or run.claimed)
