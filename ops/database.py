"""The files that hold what the commands keep: SQLite, one writer at a time, numbered changes."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flows.errors import FlowsError
from localserver.swap import finish

BUSY_SECONDS = 10


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, SQLite's application_id, which tells it from any other, what it holds, and its schema.

    A migration that was released is never edited: add another one below it.
    """

    file: str
    application_id: int
    holds: str
    migrations: tuple[str, ...]


class Database:
    """The connection of one process. Every method raises FlowsError, naming the file, when it cannot be used."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._kind = kind
        self.path = folder / kind.file
        with self._sentences():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            finish(folder)
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

    @property
    def place(self) -> str:
        return str(self.path)

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
            connection.execute(f"PRAGMA application_id = {self._kind.application_id}")
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
        if application != self._kind.application_id:
            raise sqlite3.DatabaseError("it is a database of something else")
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(str(found).splitlines()[0])
        # To keep the journal's file costs a tenth of making it for each change, and is as safe. A write-ahead log is
        # faster still, but SQLite before 3.51.3 can damage one that several processes write.
        self._connection.execute("PRAGMA journal_mode = PERSIST")

    def _migrate(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(self._kind.migrations):
            raise sqlite3.DatabaseError("it is of a later release")
        for number, script in enumerate(self._kind.migrations[version:], start=version + 1):
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
                f"{self.path} does not hold {self._kind.holds}, or is damaged ({wrong}); "
                "restore it from a backup, or move it away to begin anew"
            ) from None
        except OSError as wrong:
            raise FlowsError(f"{self.path} cannot be used: {wrong.strerror}") from None
