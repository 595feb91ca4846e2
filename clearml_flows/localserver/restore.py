"""Restore a backup into a data directory, and upgrade a store to this release."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import Timeout

from clearml_flows.localserver.archive import Archive, check_space, reading
from clearml_flows.localserver.backup import Backup, backup, told
from clearml_flows.localserver.credentials import make_private_folder, write_private
from clearml_flows.localserver.state import DATABASE, PORTS, Failure, read_state, server_lock
from clearml_flows.localserver.store.database import StoreError, open_store
from clearml_flows.localserver.store.migrations import SchemaTooNewError, applied, missing
from clearml_flows.localserver.swap import DRAFT, swap, upkeep

_LOCK_SECONDS = 0.5


@dataclass(frozen=True)
class Restored:
    """A restored backup, and the folder with the previous data (None if there was none)."""

    backup: Backup
    aside: str | None


@dataclass(frozen=True)
class Upgraded:
    """The last migration before and after. `backup` is None if there was nothing to do."""

    before: str
    after: str
    backup: Backup | None


def restore(data_dir: Path | str, source: Path) -> Restored:
    """Replace the databases and files of a stopped server with a backup.

    The archive is extracted and checked first. An interruption leaves either the old or the new data. The previous data
    is kept in a folder in the data directory.

    Raises:
        Failure: The server is running, or the archive or data directory cannot be used.
    """
    folder, source = Path(data_dir).absolute(), source.expanduser().absolute()
    with reading(source) as archive:
        _check_schema(archive.manifest.schema, source)
        with _usable(folder):
            make_private_folder(folder)
            with stopped(folder), upkeep(folder):
                check_space(folder, archive.manifest.bytes)
                aside = swap(folder, _unpacked(archive, folder, source))
        return Restored(told(source, archive.manifest), str(aside) if aside else None)


def upgrade(data_dir: Path | str, target: Path | None = None) -> Upgraded:
    """Back up a stopped server's store to `target` and upgrade it to this release.

    Raises:
        Failure: The server is running, or the backup or the upgrade failed.
    """
    folder = Path(data_dir).absolute()
    before, todo = outstanding(folder)
    if not todo:
        return Upgraded(before, before, None)
    with _usable(folder), stopped(folder):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        made = backup(folder, target or folder / f"before-upgrade-{stamp}.backup")
        try:
            open_store(folder / DATABASE).close()
        except StoreError as error:
            raise Failure(f"{error}; the backup made before the upgrade is {made.file}") from None
        return Upgraded(before, todo[-1], made)


def outstanding(data_dir: Path | str) -> tuple[str, list[str]]:
    """Return the last migration of a store and the migrations that this release adds.

    Raises:
        Failure: There is no store, it cannot be read, or it is from a later release.
    """
    database = Path(data_dir).absolute() / DATABASE
    if not database.is_file():
        raise Failure(f"{database.parent} has no store to upgrade: no backend was started on it")
    try:
        with closing(sqlite3.connect(database)) as connection:
            had = applied(connection)
    except sqlite3.Error as error:
        raise Failure(f"cannot read the database {database} ({error}); restore a backup") from None
    return had[-1] if had else "", _check_schema(had, database)


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """Prevent the server from starting during the block; raises Failure if it is running."""
    lock = server_lock(folder)
    try:
        # `down` and `flows doctor` hold the lock for a moment to check whether it is free, so wait briefly.
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        state = read_state(folder)
        holder = f" (process {state.pid})" if state else ""
        raise Failure(f"the server of {folder} is running{holder}; stop it first") from None
    try:
        yield
    finally:
        lock.release()


def _unpacked(archive: Archive, folder: Path, source: Path) -> Path:
    """Extract an archive into a draft folder, check the databases, and return the folder."""
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=folder))
    try:
        archive.extract(draft)
        for path in draft.glob("*.sqlite"):
            _check_database(path, source)
        write_private(draft / PORTS, json.dumps(archive.manifest.ports) + "\n")
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return draft


def _check_database(path: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            had = applied(connection) if path.name == DATABASE else []
    except sqlite3.Error as error:
        found, had = str(error), []
    if found != "ok":
        raise Failure(f"{source} contains a damaged {path.name} ({found.splitlines()[0]}); use another copy")
    _check_schema(had, source)


def _check_schema(had: list[str], where: Path) -> list[str]:
    try:
        return missing(had)
    except SchemaTooNewError:
        raise Failure(f"{where} has the schema change {max(had)} of a later release; install that release") from None


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure(f"cannot use the data directory {folder}: {error.strerror or error}") from None
