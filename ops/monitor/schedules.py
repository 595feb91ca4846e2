"""What schedulers left word of, and whether they work: that of this machine, and that of the cluster.

Where there never was one, nothing is made.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.api import Api
from flows.backend import Backend
from flows.lock import holder
from flows.settings import Settings
from ops.events import Event
from ops.monitor.backend import Watched
from ops.monitor.decide import Overdue, Place
from ops.schedule import service
from ops.schedule.records import instant
from ops.schedule.schema import KIND
from ops.schedule.shared import Shared
from ops.schedule.store import Store
from ops.schedule.stores import project, shared_store

KINDS = {"failed": "launch_failed"}  # of events, where they are not those of the notices
FIXES = {
    "missed": "flows schedule run-now {name}",
    "skipped": "flows runs list",
    "launch_failed": "flows schedule show {name}",
    "paused": "flows schedule resume {name}",
    "delayed": "flows server status",
}
HERE = Place("scheduler", "notices", "process", "flows schedule start", "kill {holder}")
CLUSTER = Place(
    "cluster", "notices of the cluster", "Task", "flows schedule start --remote", "flows schedule stop --remote"
)


@dataclass(frozen=True)
class Notice:
    """Word of the scheduler: `run` is the tag of the run that it is about, `task` its Task, if they are known."""

    number: int
    event: Event
    run: str
    task: str


class Schedules:
    """Those of this machine. Every method raises FlowsError when their file is damaged."""

    place = HERE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: Store | None = None
        self._inode = 0

    def notices(self, after: int) -> list[Notice]:
        """Those of a number above this, the oldest first; all, if numbers began anew as the file did."""
        store = self._opened()
        return _notices(store, after, "") if store else []

    def active(self) -> list[Overdue]:
        """The active schedules, and when each is to be looked at next."""
        store = self._opened()
        return _active(store) if store else []

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


class ClusterSchedules:
    """Those that the backend keeps.

    Every method raises Unreachable if it does not answer, FlowsError if they are damaged.
    """

    place = CLUSTER

    def __init__(self, settings: Settings, watched: Watched) -> None:
        self._settings, self._watched = settings, watched
        self._rows: Shared | None = None

    def notices(self, after: int) -> list[Notice]:
        """As of those of this machine."""
        return self._watched.ask(lambda backend: _notices(self._opened(backend), after, " --remote"), [])

    def active(self) -> list[Overdue]:
        """As of those of this machine."""
        return self._watched.ask(lambda backend: _active(self._opened(backend)), [])

    def holder(self) -> str:
        """The Task of the scheduler; empty if none is under way."""
        return self._watched.ask(self._living, "")

    def close(self) -> None:
        if self._rows:
            self._rows.close()
        self._rows = None

    def _opened(self, backend: Backend) -> Store:
        if self._rows is None:
            api = backend.api
            # Of its own, since it is closed with the rows.
            api = Api(api.url, api.access_key, api.secret_key, api.timeout)
            self._rows = Shared(api, project(self._settings))
        return shared_store(self._rows)

    def _living(self, backend: Backend) -> str:
        self._opened(backend)
        task = self._rows.holder.task if self._rows and self._rows.holder else ""
        return task if task and service.lives(backend.api, task, self._settings.agents.lost_after) else ""


def _notices(store: Store, after: int, options: str) -> list[Notice]:
    rows = store.notices(after if after <= store.last_notice() else 0)
    return [_notice(store, row, options) for row in rows]


def _active(store: Store) -> list[Overdue]:
    return [
        Overdue(one.name, one.due, timedelta(seconds=one.grace))
        for one in store.schedules()
        if one.due and one.state == "active"
    ]


def _notice(store: Store, row: dict[str, Any], options: str) -> Notice:
    name, scheduled = row["schedule"], row["scheduled"]
    kind = KINDS.get(row["kind"], row["kind"])
    key, task = (store.task_of(name, scheduled) if scheduled else None) or ("", None)
    of = f"the run of {name} at {scheduled}" if scheduled else f"schedule {name}"
    facts = {"schedule": name, "scheduled": scheduled, "reason": row["sentence"]}
    fix = FIXES.get(kind, "flows schedule show {name}").format(name=name)
    facts["fix"] = fix + options if fix.startswith("flows schedule") else fix
    happened = {"launch_failed": "failed"}.get(kind, kind)
    event = Event(
        f"schedule {name} {kind} {scheduled or row['at']}",
        kind,
        instant(row["at"]),
        f"{of} is {happened}: {row['sentence']}",
        facts,
    )
    return Notice(row["number"], event, key, task or "")
