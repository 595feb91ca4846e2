"""What the monitor sees of runs. Instants are on the backend's clock, as texts of the API, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.watch import BROKEN, Run, Step

OPEN = frozenset({"queued", "in_progress"})
CLOCK_TOLD_TO = timedelta(seconds=2)  # the backend tells the time in whole seconds
_COMPLETED = frozenset({"completed", "published", "closed"})


@dataclass(frozen=True)
class Seen:
    """A run of a pipeline, of ours (`own`) or of others, as the backend told it at one look."""

    run: Run
    name: str
    flow: str
    own: bool
    started: str
    changed: str
    updated: str
    seconds: float
    queue: str = ""

    @property
    def id(self) -> str:
        return self.run.run_id

    @property
    def is_open(self) -> bool:
        return self.run.status in OPEN

    @property
    def end(self) -> str:
        """completed, failed or stopped; empty while it has not ended. What is published completed before."""
        if self.run.status in _COMPLETED:
            return "completed"
        return self.run.status if self.run.status in BROKEN else ""

    @property
    def end_key(self) -> str:
        """The same for an end however often it is seen and marked; another one once the run was started again."""
        return f"run {self.id} {self.end} {self.started or self.changed}"

    @property
    def failed_step(self) -> Step | None:
        """The step that failed, of several the first; what was stopped beside it does not count before it."""
        return next((step for step in self.run.steps if step.status == "failed"), self.run.broken)


@dataclass(frozen=True)
class Span:
    """What was looked at, on the backend's clock: since when a monitor tells what happens, and how far it has come."""

    began: datetime
    until: datetime

    @classmethod
    def back(cls, now: datetime, seconds: float) -> "Span":
        """That of the first look."""
        return cls(now - timedelta(seconds=seconds), now - timedelta(seconds=seconds))

    @classmethod
    def of(cls, written: str) -> "Span | None":
        return cls(*map(datetime.fromisoformat, written.split())) if written else None

    def __str__(self) -> str:
        return f"{self.began.isoformat()} {self.until.isoformat()}"

    def at(self, now: datetime) -> "Span":
        """Not beyond now, as it is after the clock was set back."""
        latest = now + CLOCK_TOLD_TO
        return Span(min(self.began, latest), min(self.until, latest))


def word(status: str) -> str:
    """A status as people say it."""
    return "running" if status == "in_progress" else status


def instant(told: str) -> datetime:
    """An instant as the API tells it, UTC where it names no zone."""
    found = datetime.fromisoformat(told)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def line_date(now: datetime) -> str:
    """2025-01-11T12:00:00, in UTC."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def document(seen: Seen) -> dict[str, Any]:
    """The run as the JSON lines of the log have it."""
    return {
        "run_id": seen.id,
        "name": seen.name,
        "flow": seen.flow,
        "status": seen.run.status,
        "started": seen.started or None,
        "seconds": seen.seconds,
        "steps": [_step(step) for step in seen.run.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "task_id": step.task_id or None,
        "status": step.status,
        "started": step.started or None,
        "seconds": step.seconds,
    }
