"""Store of schedules, runs and notices. The only writer. Callers pass `now`."""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from clearml_flows.database import Database
from clearml_flows.errors import BadInput
from clearml_flows.schedule.records import OPEN, Run, Schedule, text
from clearml_flows.schedule.schema import KIND
from clearml_flows.spelling import did_you_mean

KEPT_RUNS = 1000  # per schedule
KEPT_NOTICES = 10_000
WRONG_CLOCK = timedelta(days=1)  # a clock set back by more than this was far ahead, and few runs were recorded then
_OPEN = ", ".join(f"'{state}'" for state in OPEN)


@dataclass(frozen=True)
class Planned:
    """A run to record: to start (claimed), to wait (waiting), or not to run (skipped, missed)."""

    scheduled: datetime
    state: str
    why: str = ""
    count: int = 1


class Rows(Protocol):
    """Connection to the tables, in a file or in the backend.

    Implementations: `database.Database` and `schedule.shared.Shared`.
    """

    @property
    def place(self) -> str:
        """Name of the storage for messages."""

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open a transaction, or join the open one."""

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]: ...

    def close(self) -> None: ...


class Store:
    """Reads and writes of the tables.

    Args:
        kept: the data directory, or other storage.
        kept_runs: ended runs kept per schedule; None: KEPT_RUNS.
        kept_notices: notices kept in all; None: KEPT_NOTICES.
    """

    def __init__(self, kept: Path | Rows, kept_runs: int | None = None, kept_notices: int | None = None) -> None:
        self._database: Rows = Database(kept, KIND) if isinstance(kept, Path) else kept
        self._kept_runs, self._kept_notices = kept_runs, kept_notices

    @property
    def place(self) -> str:
        return self._database.place

    def close(self) -> None:
        self._database.close()

    def together(self) -> AbstractContextManager[object]:
        """Group writes into one transaction."""
        return self._database.write()

    def schedules(self) -> list[Schedule]:
        rows = self._database.read("SELECT * FROM schedules WHERE state <> 'removed' ORDER BY name")
        return [Schedule.of(row) for row in rows]

    def schedule(self, name: str) -> Schedule:
        """Return the schedule of this name. Raises BadInput if there is none."""
        known = {schedule.name: schedule for schedule in self.schedules()}
        if name not in known:
            raise BadInput(f"there is no schedule {name!r}{did_you_mean(name, known)}")
        return known[name]

    def by_id(self, schedule_id: str) -> Schedule:
        return Schedule.of(self._database.read("SELECT * FROM schedules WHERE id = ?", schedule_id)[0])

    def due(self, now: datetime, limit: int) -> list[Schedule]:
        """Return up to `limit` schedules to check now, the earliest due time first."""
        rows = self._database.read(
            "SELECT * FROM schedules WHERE state = 'active' AND due <= ? ORDER BY due LIMIT ?", text(now), limit
        )
        return [Schedule.of(row) for row in rows]

    def seen_after(self, now: datetime) -> list[Schedule]:
        """Return active schedules that are handled beyond `now`, because the clock was set back."""
        rows = self._database.read("SELECT * FROM schedules WHERE state = 'active' AND seen > ?", text(now))
        return [Schedule.of(row) for row in rows]

    def known_from(self, schedule: Schedule, now: datetime) -> datetime:
        """Return the earliest time, `now` or later, from which run records are complete.

        Older records may have been pruned.
        """
        sql = "SELECT count(*) AS count, min(scheduled) AS first FROM runs WHERE schedule = ?"
        (row,) = self._database.read(sql, schedule.id)
        if row["count"] < (self._kept_runs or KEPT_RUNS):
            return now
        first = datetime.fromisoformat(row["first"])
        return first if now < first < now + WRONG_CLOCK else now

    def add(self, name: str, now: datetime, **values: Any) -> Schedule:
        """Add an active schedule; `values` are the columns that this method does not set.

        Raises:
            BadInput: the name is taken.
        """
        row = {
            **values,
            "id": secrets.token_hex(6),
            "name": name,
            "options": json.dumps(values["options"]),
            "state": "active",
            "created": text(now),
            "seen": text(now),
            "due": text(now),
        }
        with self._database.write() as connection:
            if connection.execute("SELECT 1 FROM schedules WHERE name = ? AND state <> 'removed'", (name,)).fetchone():
                raise BadInput(f"there is a schedule {name!r} already; remove it first, or give another --name")
            places = ", ".join(f":{column}" for column in row)
            connection.execute(f"INSERT INTO schedules ({', '.join(row)}) VALUES ({places})", row)
        return self.by_id(row["id"])

    def set_state(self, schedule: Schedule, state: str, now: datetime) -> None:
        """Set the state: active, paused or removed. Due times during a pause are not caught up."""
        due = text(now) if state == "active" else None
        with self._database.write() as connection:
            connection.execute(
                "UPDATE schedules SET state = ?, seen = max(seen, ?), due = ? WHERE id = ?",
                (state, text(now), due, schedule.id),
            )

    def plan(
        self, schedule: Schedule, planned: Sequence[Planned], dealt: tuple[datetime, datetime] | None, now: datetime
    ) -> list[Run]:
        """Record runs in one transaction.

        Args:
            dealt: the time up to which the schedule is handled, and its next check; None for a manual run.

        Returns:
            The recorded runs. Skipped are times that have a run, runs beyond max_runs, and runs of a removed
            schedule. Runs of a paused schedule are recorded only by hand.
        """
        recorded: list[int] = []
        with self._database.write() as connection:
            row = connection.execute("SELECT * FROM schedules WHERE id = ?", (schedule.id,)).fetchone()
            if row["state"] not in (("active",) if dealt else ("active", "paused")):
                return []
            left = len(planned) if row["max_runs"] is None else row["max_runs"] - row["claimed"]
            started = 0
            for one in planned:
                if one.state in OPEN and started >= left:
                    continue
                number = _insert(connection, schedule.id, one, now)
                if number:
                    recorded.append(number)
                    started += one.state in OPEN
            _settle(connection, row, started, dealt)
            _forget(connection, schedule.id, self._kept_runs or KEPT_RUNS)
        return [self.run(number) for number in recorded]

    def run(self, number: int) -> Run:
        return Run.of(self._database.read("SELECT * FROM runs WHERE number = ?", number)[0])

    def runs(self, schedule: Schedule, limit: int) -> list[Run]:
        """Return up to `limit` runs of the schedule, the latest first."""
        sql = "SELECT * FROM runs WHERE schedule = ? ORDER BY number DESC LIMIT ?"
        return [Run.of(row) for row in self._database.read(sql, schedule.id, limit)]

    def open_runs(self, schedule: Schedule | None = None) -> list[Run]:
        """Return runs that have not ended, of one schedule or of all, ordered by time."""
        sql = f"SELECT * FROM runs WHERE state IN ({_OPEN}) AND schedule GLOB ? ORDER BY scheduled, number"
        return [Run.of(row) for row in self._database.read(sql, schedule.id if schedule else "*")]

    def move(self, run: Run, origins: Sequence[str], state: str, **values: Any) -> bool:
        """Change the run's state if it is one of `origins`; return whether it was."""
        columns = ", ".join(f"{name} = ?" for name in ("state", *values))
        states = ", ".join("?" for _ in origins)
        sql = f"UPDATE runs SET {columns} WHERE number = ? AND state IN ({states})"
        told = [text(value) if isinstance(value, datetime) else value for value in values.values()]
        with self._database.write() as connection:
            return connection.execute(sql, (state, *told, run.number, *origins)).rowcount == 1

    def notice(self, now: datetime, schedule: str, scheduled: datetime | None, kind: str, sentence: str) -> None:
        """Add a notice for the monitor: missed, skipped, failed, paused or delayed."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO notices (at, schedule, scheduled, kind, sentence) VALUES (?, ?, ?, ?, ?)",
                (text(now), schedule, text(scheduled) if scheduled else None, kind, sentence),
            )
            connection.execute(
                "DELETE FROM notices WHERE number <= (SELECT max(number) FROM notices) - ?",
                (self._kept_notices or KEPT_NOTICES,),
            )

    def notices(self, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """Return notices with a number above `after`, the oldest first.

        The last number is the reader's cursor.
        """
        rows = self._database.read("SELECT * FROM notices WHERE number > ? ORDER BY number LIMIT ?", after, limit)
        return [dict(row) for row in rows]

    def last_notice(self) -> int:
        """Return the number of the latest notice, or 0."""
        return int(self._database.read("SELECT max(number) AS number FROM notices")[0]["number"] or 0)

    def task_of(self, schedule: str, scheduled: str) -> tuple[str, str | None] | None:
        """Return the key and the Task of a notice's run, or None if there is no such run.

        The Task is None if it is not known yet.
        """
        sql = (
            "SELECT schedule, task FROM runs WHERE scheduled = ?"
            " AND schedule IN (SELECT id FROM schedules WHERE name = ?) ORDER BY number DESC LIMIT 1"
        )
        rows = self._database.read(sql, scheduled, schedule)
        return (f"{rows[0]['schedule']}@{scheduled}", rows[0]["task"]) if rows else None


def _insert(connection: sqlite3.Connection, schedule: str, one: Planned, now: datetime) -> int | None:
    found = connection.execute(
        "INSERT OR IGNORE INTO runs (schedule, scheduled, state, count, why, claimed) VALUES (?, ?, ?, ?, ?, ?)",
        (schedule, text(one.scheduled), one.state, one.count, one.why, text(now)),
    )
    return found.lastrowid if found.rowcount else None


def _settle(
    connection: sqlite3.Connection, row: sqlite3.Row, started: int, dealt: tuple[datetime, datetime] | None
) -> None:
    seen, due = map(text, dealt) if dealt else (row["seen"], row["due"])
    claimed, state = row["claimed"] + started, row["state"]
    if row["max_runs"] is not None and claimed >= row["max_runs"]:
        state, due = "finished", None
    connection.execute(
        "UPDATE schedules SET seen = ?, due = ?, claimed = ?, state = ? WHERE id = ?",
        (seen, due, claimed, state, row["id"]),
    )


def _forget(connection: sqlite3.Connection, schedule: str, kept: int) -> None:
    connection.execute(
        f"DELETE FROM runs WHERE schedule = ? AND state NOT IN ({_OPEN}) AND number <="
        " (SELECT number FROM runs WHERE schedule = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (schedule, schedule, kept),
    )
