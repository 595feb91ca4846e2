"""Notices and state of schedulers: this machine's and the cluster's.

Reading creates nothing if there was never a scheduler.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend
from clearml_flows.events import Event
from clearml_flows.lock import holder
from clearml_flows.monitor.decisions import Overdue, SchedulerSource
from clearml_flows.monitor.watched_backend import Watched
from clearml_flows.schedule import service
from clearml_flows.schedule.records import instant
from clearml_flows.schedule.schema import KIND
from clearml_flows.schedule.shared import Shared
from clearml_flows.schedule.store import Store
from clearml_flows.schedule.stores import project, shared_store
from clearml_flows.settings import Settings

KINDS = {"failed": "launch_failed"}  # kinds of notices whose event has another name
FIXES = {
    "missed": "flows schedule run-now {name}",
    "skipped": "flows runs list",
    "launch_failed": "flows schedule show {name}",
    "paused": "flows schedule resume {name}",
    "delayed": "flows server status",
}
HERE = SchedulerSource("scheduler", "notices", "process", "flows schedule start", "kill {holder}")
CLUSTER = SchedulerSource(
    "cluster", "notices of the cluster", "Task", "flows schedule start --remote", "flows schedule stop --remote"
)


@dataclass(frozen=True)
class Notice:
    """A scheduler's notice: `run` is the tag of its run and `task` the Task, or empty."""

    number: int
    event: Event
    run: str
    task: str


class Schedules:
    """Schedules of this machine. Every method raises FlowsError if their file is damaged."""

    place = HERE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: Store | None = None
        self._inode = 0

    def notices(self, after: int) -> list[Notice]:
        """Return notices with a number above `after`, the oldest first.

        Returns all if `after` is larger than any number, since the file is then a new one.
        """
        store = self._opened()
        return _notices(store, after, "") if store else []

    def active(self) -> list[Overdue]:
        """Return the active schedules with the time of their next check."""
        store = self._opened()
        return _active(store) if store else []

    def holder(self) -> str:
        """Return the scheduler's process, or an empty text if none runs."""
        return holder(self._folder, "schedule")

    def close(self) -> None:
        if self._store:
            self._store.close()
        self._store, self._inode = None, 0

    def _opened(self) -> Store | None:
        """Open the current file, which may have been replaced, or return None if there is none."""
        path = self._folder / KIND.file
        found = path.stat().st_ino if path.exists() else 0
        if found != self._inode:
            self.close()
        if found and self._store is None:
            self._store, self._inode = Store(self._folder), found
        return self._store


class ClusterSchedules:
    """Schedules in the backend.

    Every method raises Unreachable if the backend does not answer, and FlowsError if the data are damaged.
    """

    place = CLUSTER

    def __init__(self, settings: Settings, watched: Watched) -> None:
        self._settings, self._watched = settings, watched
        self._rows: Shared | None = None

    def notices(self, after: int) -> list[Notice]:
        """Return notices, as `Schedules.notices` does."""
        return self._watched.ask(lambda backend: _notices(self._opened(backend), after, " --remote"), [])

    def active(self) -> list[Overdue]:
        """Return the active schedules, as `Schedules.active` does."""
        return self._watched.ask(lambda backend: _active(self._opened(backend)), [])

    def holder(self) -> str:
        """Return the scheduler's Task, or an empty text if none runs."""
        return self._watched.ask(self._living, "")

    def close(self) -> None:
        if self._rows:
            self._rows.close()
        self._rows = None

    def _opened(self, backend: Backend) -> Store:
        if self._rows is None:
            api = backend.api
            # A separate client, since closing the rows closes it.
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
