"""What the scheduler of this machine left word of, and whether it works. Where there was none, nothing is made."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.lock import holder
from ops.events import Event
from ops.monitor.decide import Overdue
from ops.schedule.records import instant
from ops.schedule.schema import KIND
from ops.schedule.store import Store

KINDS = {"failed": "launch_failed"}  # of events, where they are not those of the notices
FIXES = {
    "missed": "flows schedule run-now {name}",
    "skipped": "flows runs list",
    "launch_failed": "flows schedule show {name}",
    "paused": "flows schedule resume {name}",
    "delayed": "flows server status",
}


@dataclass(frozen=True)
class Notice:
    """Word of the scheduler: `run` is the tag of the run that it is about, `task` its Task, if they are known."""

    number: int
    event: Event
    run: str
    task: str


class Schedules:
    """Every method raises FlowsError when the file of schedules is damaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: Store | None = None
        self._inode = 0

    def notices(self, after: int) -> list[Notice]:
        """Those of a number above this, the oldest first; all, if numbers began anew as the file did."""
        store = self._opened()
        if not store:
            return []
        return [_notice(store, row) for row in store.notices(after if after <= store.last_notice() else 0)]

    def active(self) -> list[Overdue]:
        """The active schedules, and when each is to be looked at next."""
        store = self._opened()
        found = store.schedules() if store else []
        return [
            Overdue(one.name, one.due, timedelta(seconds=one.grace))
            for one in found
            if one.due and one.state == "active"
        ]

    def holder(self) -> str:
        """The process of the scheduler; empty if none is under way."""
        return holder(self._folder, "schedule")

    def close(self) -> None:
        if self._store:
            self._store.close()
        self._store, self._inode = None, 0

    def _opened(self) -> Store | None:
        """The file as it is now: somebody may have moved it away to begin anew."""
        path = self._folder / KIND.file
        found = path.stat().st_ino if path.exists() else 0
        if found != self._inode:
            self.close()
        if found and self._store is None:
            self._store, self._inode = Store(self._folder), found
        return self._store


def _notice(store: Store, row: dict[str, Any]) -> Notice:
    name, scheduled = row["schedule"], row["scheduled"]
    kind = KINDS.get(row["kind"], row["kind"])
    key, task = (store.task_of(name, scheduled) if scheduled else None) or ("", None)
    of = f"the run of {name} at {scheduled}" if scheduled else f"schedule {name}"
    facts = {"schedule": name, "scheduled": scheduled, "reason": row["sentence"]}
    facts["fix"] = FIXES.get(kind, "flows schedule show {name}").format(name=name)
    happened = {"launch_failed": "failed"}.get(kind, kind)
    event = Event(
        f"schedule {name} {kind} {scheduled or row['at']}",
        kind,
        instant(row["at"]),
        f"{of} is {happened}: {row['sentence']}",
        facts,
    )
    return Notice(row["number"], event, key, task or "")
