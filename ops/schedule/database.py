"""The file that holds the schedules and what became of their runs: SQLite, one writer at a time, numbered changes."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.errors import FlowsError

FILE = "schedules.sqlite"
OURS = 0x464C5343  # SQLite's application_id: tells our file from any other
BUSY_SECONDS = 10
# A step that was released is never edited: add another one below it.
MIGRATIONS = [
    """
    CREATE TABLE schedules (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        timing TEXT NOT NULL,
        zone TEXT NOT NULL,
        flow TEXT NOT NULL,
        options TEXT NOT NULL,
        max_runs INTEGER,
        overlap TEXT NOT NULL,
        catch_up TEXT NOT NULL,
        grace INTEGER NOT NULL,
        jitter INTEGER NOT NULL,
        state TEXT NOT NULL,
        created TEXT NOT NULL,
        seen TEXT NOT NULL,
        due TEXT,
        claimed INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX schedules_name ON schedules (name) WHERE state <> 'removed';
    CREATE INDEX schedules_due ON schedules (due) WHERE state = 'active';
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        schedule TEXT NOT NULL REFERENCES schedules (id),
        scheduled TEXT NOT NULL,
        state TEXT NOT NULL,
        count INTEGER NOT NULL DEFAULT 1,
        why TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        claimed TEXT NOT NULL,
        pid INTEGER,
        born REAL,
        began TEXT,
        ended TEXT,
        exit_code INTEGER,
        task TEXT,
        UNIQUE (schedule, scheduled)
    ) STRICT;
    CREATE INDEX runs_history ON runs (schedule, number);
    CREATE INDEX runs_open ON runs (state) WHERE state IN ('waiting', 'claimed', 'launched', 'begun');
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        schedule TEXT NOT NULL,
        scheduled TEXT,
        kind TEXT NOT NULL,
        sentence TEXT NOT NULL
    ) STRICT;
    """,
]


class Database:
    """The connection of one process. Every method raises FlowsError, naming the file, when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with self._sentences():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                self._create()
            if not self.path.stat().st_size:
                raise sqlite3.DatabaseError("it is empty")
            self._connection = self._connect(self.path)
            try:
                self._check()
                self._migrate()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, committed when the block ends and undone when it raises; within another one, a part of it."""
        with self._sentences():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._sentences():
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        self._connection.close()

    def _create(self) -> None:
        # Linked into place when it is whole: a file that is there and cannot be read is damaged, not half-made.
        draft = self.path.with_suffix(f".{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        connection = self._connect(draft)
        try:
            connection.execute(f"PRAGMA application_id = {OURS}")
        finally:
            connection.close()
        draft.chmod(0o600)
        with suppress(FileExistsError):  # another process was first
            os.link(draft, self.path)
        draft.unlink()

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def _check(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        if application != OURS:
            raise sqlite3.DatabaseError("it is a database of something else")
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(str(found).splitlines()[0])
        # To keep the journal's file costs a tenth of making it for each change, and is as safe. A write-ahead log is
        # faster still, but SQLite before 3.51.3 can damage one that several processes write.
        self._connection.execute("PRAGMA journal_mode = PERSIST")

    def _migrate(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise sqlite3.DatabaseError("it is of a later release")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._step(number, script)

    def _step(self, number: int, script: str) -> None:
        with self.write() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version >= number:  # another process did it meanwhile
                return
            for statement in script.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as wrong:
            raise FlowsError(f"{self.path} cannot be used: {wrong}") from None
        except sqlite3.DatabaseError as wrong:
            raise FlowsError(
                f"{self.path} does not hold schedules, or is damaged ({wrong}); "
                "restore it from a backup, or move it away to begin anew"
            ) from None
        except OSError as wrong:
            raise FlowsError(f"{self.path} cannot be used: {wrong.strerror}") from None
