"""Monitor state in SQLite. Only this module writes to it. Callers pass `now`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from clearml_flows.database import Database
from clearml_flows.monitor.records import MonitoredRun
from clearml_flows.monitor.schema import KIND
from clearml_flows.schedule.records import text

AT_ONCE = 50  # runs settled per check
KEPT = timedelta(days=90)  # retention of ended runs and sent events

Steps = list[tuple[str, str]]


@dataclass(frozen=True)
class StoredRun:
    """The stored state of a run: its status, the status's time, and its steps' statuses."""

    status: str
    changed: str
    steps: Steps


class Store:
    """Reads and writes of the tables."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder, KIND)

    def close(self) -> None:
        self._database.close()

    def mark(self, name: str) -> str:
        """Return the value stored under a name, or an empty text."""
        rows = self._database.read("SELECT value FROM marks WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else ""

    def set_mark(self, name: str, value: str) -> None:
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def known(self, run: str) -> StoredRun | None:
        rows = self._database.read("SELECT status, changed, steps FROM runs WHERE id = ?", run)
        return _known(rows[0]["status"], rows[0]["changed"], rows[0]["steps"]) if rows else None

    def remember(self, seen: MonitoredRun) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO runs (id, status, changed, steps, own) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET"
                " settled = CASE WHEN changed = excluded.changed THEN settled ELSE 0 END,"
                " status = excluded.status, changed = excluded.changed, steps = excluded.steps, own = excluded.own",
                (seen.id, seen.run.status, seen.changed, json.dumps(statuses(seen)), seen.own),
            )

    def unsettled(self, before: str) -> list[str]:
        """Return own runs that ended before `before` and may have steps that still seem to run."""
        rows = self._database.read(
            "SELECT id FROM runs WHERE own AND NOT settled AND changed < ?"
            " AND status IN ('completed', 'failed', 'stopped') ORDER BY changed LIMIT ?",
            before,
            AT_ONCE,
        )
        return [row["id"] for row in rows]

    def set_settled(self, run: str) -> None:
        with self._database.write() as connection:
            connection.execute("UPDATE runs SET settled = 1 WHERE id = ?", (run,))

    def was_told(self, key: str) -> bool:
        return bool(self._database.read("SELECT 1 FROM told WHERE key = ?", key))

    def set_told(self, key: str, now: datetime) -> None:
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (key, text(now)))

    def conditions(self, kind: str) -> dict[str, str]:
        """Return the open conditions of a kind: start times by name."""
        rows = self._database.read("SELECT name, since FROM stretches WHERE name GLOB ?", f"{kind} *")
        return {row["name"]: row["since"] for row in rows}

    def open_condition(self, name: str, since: str) -> None:
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO stretches VALUES (?, ?)", (name, since))

    def close_conditions(self, names: Iterable[str]) -> None:
        with self._database.write() as connection:
            connection.executemany("DELETE FROM stretches WHERE name = ?", [(name,) for name in names])

    def forget(self, now: datetime) -> None:
        """Delete records older than KEPT."""
        before = text(now - KEPT)
        with self._database.write() as connection:
            connection.execute("DELETE FROM told WHERE at < ?", (before,))
            connection.execute(
                "DELETE FROM runs WHERE changed < ? AND status NOT IN ('queued', 'in_progress')", (before,)
            )


def statuses(seen: MonitoredRun) -> Steps:
    return [(step.name, step.status) for step in seen.run.steps]


def _known(status: str, changed: str, steps: str) -> StoredRun:
    return StoredRun(status, changed, [(name, step) for name, step in json.loads(steps)])
