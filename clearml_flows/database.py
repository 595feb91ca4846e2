"""SQLite files of the commands: one writer at a time, numbered migrations."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clearml_flows.errors import FlowsError
from clearml_flows.localserver.swap import finish

BUSY_SECONDS = 10


@dataclass(frozen=True)
class Kind:
    """Kind of database file: name, SQLite application_id, content, and migrations.

    Never edit a released migration: add a new one at the end.
    """

    file: str
    application_id: int
    holds: str
    migrations: tuple[str, ...]


class Database:
    """One process's connection. Methods raise FlowsError with the file's path if it is unusable."""

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
        """Run the block in a transaction. A nested block is part of the outer transaction."""
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
        # The file is linked when it is complete. An unreadable file is therefore damaged and not unfinished.
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
        # Keeping the journal file costs a tenth of creating it for each change. A write-ahead log is faster, but SQLite
        # before 3.51.3 can damage it when several processes write.
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
