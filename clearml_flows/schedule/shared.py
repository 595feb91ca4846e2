"""Schedules in the backend, as JSON in the configuration object `schedules` of a Task.

The Task is never run. Each process loads the JSON into an in-memory SQLite database, so that `Store` works
as on a file. A transaction takes a lock over all machines, loads the latest version, and writes the whole
JSON back before the commit. The object's description has the version's number and sha256. One request
changes both.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.projects import project_id
from clearml_flows.backend.queue_lock import only_one
from clearml_flows.errors import FlowsError, Locked
from clearml_flows.schedule.schema import KIND

OBJECT = "schedules"
TAG = "flows-schedules"
TABLES = ("schedules", "runs", "notices")
LOOK_EVERY = 2.0  # seconds before data are read again
WHAT = "Schedules of the flows and their runs; `flows schedule` with --remote reads and changes them. Not to be run."


@dataclass(frozen=True)
class Holder:
    """The scheduler that holds the schedules: its Task and a token unique to its process."""

    task: str
    token: str


class Shared:
    """A replacement of `database.Database` with the tables in the backend.

    All methods raise Unreachable, or FlowsError if the stored JSON is damaged.

    Args:
        project: project of the Task that has the JSON.
        token: token of a scheduler, which may write only while it holds the schedules; else empty.
    """

    def __init__(self, api: Api, project: str, token: str = "") -> None:
        self._api, self._project, self._token = api, project, token
        self._project_id, self._looked, self._has_taken = "", 0.0, False
        self._task, self._mark, self._number = "", "", 0
        self.holder: Holder | None = None
        self._connection = _empty(len(KIND.migrations))
        self._refresh()

    @property
    def place(self) -> str:
        return f"{self._api.url}, project {self._project}"

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction, or join the open one.

        The backend stores the transaction at the end of the block. If the block raises, it is undone.

        Raises:
            Locked: this process is a scheduler and another scheduler has taken over.
        """
        if self._connection.in_transaction:
            yield self._connection
            return
        with only_one(self._api, f"schedules of {self._project}") as check:
            self._refresh()
            self._refuse_if_taken_over()
            connection = self._connection
            before, changes = self.holder, connection.total_changes
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if connection.total_changes != changes or self.holder != before:
                    check()
                    self._keep()
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                self.holder = before
                raise

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        if not self._connection.in_transaction and time.monotonic() > self._looked + LOOK_EVERY:
            self._refresh()
        return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        self._connection.close()
        self._api.close()

    def take(self, task: str, lives: Callable[[str], bool]) -> None:
        """Become the scheduler with this Task.

        Raises:
            Locked: the Task of another scheduler lives.
        """
        with self.write():
            if self.holder and self.holder.task != task and lives(self.holder.task):
                raise Locked(
                    f"another scheduler is under way, Task {self.holder.task}; leave the work to it, or stop it"
                )
            self.holder = Holder(task, self._token)
        self._has_taken = True

    def leave(self) -> None:
        """Release the schedules."""
        with self.write():
            self.holder = None
        self._has_taken = False

    def _refuse_if_taken_over(self) -> None:
        if self._has_taken and (self.holder is None or self.holder.token != self._token):
            other = f"Task {self.holder.task}" if self.holder else "another scheduler, which has ended"
            raise Locked(f"the schedules were taken over by {other}; this scheduler starts no more runs")

    def _refresh(self) -> None:
        """Load the JSON if another process changed it."""
        self._project_id = self._project_id or project_id(self._api, self._project)
        query = {"project": [self._project_id], "tags": [TAG], "order_by": ["created"], "search_hidden": True}
        fields = ["id", f"configuration.{OBJECT}.description"]
        found = self._api.call("tasks.get_all", **query, only_fields=fields)["tasks"] if self._project_id else []
        self._looked = time.monotonic()
        if not found:
            if self._task:  # the Task was deleted
                self._task, self._mark, self._number, self.holder = "", "", 0, None
                self._connection.close()
                self._connection = _empty(len(KIND.migrations))
            return
        self._task = found[0]["id"]
        if _object(found[0]).get("description") != self._mark or not self._mark:
            self._load()

    def _load(self) -> None:
        query = {"id": [self._task], "search_hidden": True, "only_fields": [f"configuration.{OBJECT}"]}
        kept = _object(self._api.call("tasks.get_all", **query)["tasks"][0])
        text, mark = str(kept.get("value", "")), str(kept.get("description", ""))
        try:
            if not mark.endswith(_sha256(text)):
                raise ValueError("its sha256 differs")
            document = json.loads(text)
            connection = _filled(document)
            holder = Holder(**document["scheduler"]) if document["scheduler"] else None
            number = int(document["number"])
        except (ValueError, KeyError, TypeError, sqlite3.Error) as wrong:
            raise FlowsError(
                f"the configuration object {OBJECT!r} of Task {self._task} on {self._api.url} does not hold schedules, "
                f"or is damaged ({wrong}); repair it, or delete the Task to start without schedules"
            ) from None
        self._connection.close()
        self._connection, self.holder, self._mark, self._number = connection, holder, mark, number

    def _keep(self) -> None:
        number = self._number + 1
        document = {
            "version": _version(self._connection),
            "number": number,
            "scheduler": asdict(self.holder) if self.holder else None,
            "tables": {table: _rows(self._connection, table) for table in TABLES},
        }
        text = json.dumps(document, separators=(",", ":"))
        mark = f"number {number}, sha256 {_sha256(text)}"
        item = {"name": OBJECT, "type": "json", "value": text, "description": mark}
        if self._task:
            self._api.call("tasks.edit_configuration", task=self._task, configuration=[item], force=True)
        else:
            self._task = self._create(item)
        self._mark, self._number = mark, number

    def _create(self, item: dict[str, str]) -> str:
        self._project_id = project_id(self._api, self._project, create=True)
        what = {
            "name": "schedules",
            "type": "data_processing",
            "project": self._project_id,
            "tags": [TAG],
            "comment": WHAT,
        }
        return str(self._api.call("tasks.create", **what, configuration={OBJECT: item})["id"])


def _object(task: dict[str, Any]) -> dict[str, Any]:
    return dict((task.get("configuration") or {}).get(OBJECT) or {})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _empty(version: int) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    _migrate(connection, version)
    return connection


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for script in KIND.migrations[_version(connection) : version]:
        connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {version}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _filled(document: dict[str, Any]) -> sqlite3.Connection:
    if not 1 <= document["version"] <= len(KIND.migrations):
        raise ValueError("a later release wrote it")
    connection = _empty(document["version"])
    for table in TABLES:
        columns, rows = document["tables"][table]["columns"], document["tables"][table]["rows"]
        known = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
        if not known.issuperset(columns):
            raise ValueError(f"its {table} have unknown columns")
        places = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
    _migrate(connection, len(KIND.migrations))
    return connection


def _rows(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    found = connection.execute(f"SELECT * FROM {table}")
    return {"columns": [column[0] for column in found.description], "rows": [list(row) for row in found]}
