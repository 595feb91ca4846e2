"""SQLite database of the server: one connection writes, the others only read.

Transactions that write run one at a time.
"""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearml_flows.localserver.store import migrations, natural, patterns
from clearml_flows.localserver.store.session import Session

BUSY_SECONDS = 10


class StoreError(Exception):
    """The database cannot be used.

    The message is a sentence for the person who starts the server.
    """


def open_store(path: Path) -> "Store":
    """Open the database file `path` and create it if it is missing. Raises StoreError."""
    try:
        return Store(path)
    except migrations.SchemaTooNewError as error:
        raise StoreError(f"{path}: {error}") from error
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"cannot open the database {path}: {error}; check the file and its directory, or restore a backup"
        ) from error


class Store:
    """Database file with one connection for writing and a pool of connections for reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = _connect(path)
        try:
            path.chmod(0o600)
            # FULL: acknowledged writes survive a power cut, at a cost of about 0.3 ms a request.
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            migrations.migrate(self._writer)
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Run the block in a transaction: commit at its end, roll back if it raises."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield Session(self._writer)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read from a snapshot: later writes are not visible in the block."""
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            yield Session(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._give_back(connection)

    def close(self) -> None:
        with self._writing:
            self._closed = True
            while not self._readers.empty():
                self._readers.get_nowait().close()
            self._writer.close()

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._readers.get_nowait()
        except queue.Empty:
            connection = _connect(self._path)
            connection.execute("PRAGMA query_only = ON")
            # SQLite before 3.51.3 can corrupt the log if two connections checkpoint at once. Only the writer does.
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._readers.put(connection)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    patterns.register(connection)
    natural.register(connection)
    return connection
