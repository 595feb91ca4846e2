"""Records of the monitor. Times are the backend's, as texts of its API, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clearml_flows.run.snapshot import BROKEN, Run, Step

OPEN = frozenset({"queued", "in_progress"})
CLOCK_TOLD_TO = timedelta(seconds=2)  # resolution of the backend's time is a second
_COMPLETED = frozenset({"completed", "published", "closed"})


@dataclass(frozen=True)
class MonitoredRun:
    """A run of a pipeline in a snapshot; `own` if its project is one of this package's."""

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
        """The end: completed, failed or stopped; empty while the run goes on.

        Published is completed.
        """
        if self.run.status in _COMPLETED:
            return "completed"
        return self.run.status if self.run.status in BROKEN else ""

    @property
    def end_key(self) -> str:
        """Key of this end. It changes only if the run is started again."""
        return f"run {self.id} {self.end} {self.started or self.changed}"

    @property
    def failed_step(self) -> Step | None:
        """The first failed step; a stopped step only if none failed."""
        return next((step for step in self.run.steps if step.status == "failed"), self.run.broken)


@dataclass(frozen=True)
class Window:
    """The observed window on the backend's clock: begin of reporting, and the cursor."""

    began: datetime
    until: datetime

    @classmethod
    def back(cls, now: datetime, seconds: float) -> "Window":
        """Return the window of the first snapshot, `seconds` before `now`."""
        return cls(now - timedelta(seconds=seconds), now - timedelta(seconds=seconds))

    @classmethod
    def of(cls, written: str) -> "Window | None":
        return cls(*map(datetime.fromisoformat, written.split())) if written else None

    def __str__(self) -> str:
        return f"{self.began.isoformat()} {self.until.isoformat()}"

    def at(self, now: datetime) -> "Window":
        """Limit the window to `now`, since the clock may be set back."""
        latest = now + CLOCK_TOLD_TO
        return Window(min(self.began, latest), min(self.until, latest))


def word(status: str) -> str:
    """Return the displayed name of a status."""
    return "running" if status == "in_progress" else status


def instant(told: str) -> datetime:
    """Parse a time of the API. A time without a zone is UTC."""
    found = datetime.fromisoformat(told)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def line_date(now: datetime) -> str:
    """Format a time as 2025-01-11T12:00:00, in UTC."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def document(seen: MonitoredRun) -> dict[str, Any]:
    """Return the run as in the JSON lines of the log."""
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
