"""Backups of a data directory, made while its server runs and is written to.

A file is stored before the row that names it. So the files that are there are kept first (a second name for each, at no
cost), then the databases by SQLite's own backup, then the files that have come since. What the server removes or
replaces in the meantime it puts into a folder that is there as long. So whatever the copied rows name is among these
files; of several of one path, the copied rows say which.
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from localserver.archive import Manifest, Writer, check_space, check_target, writing
from localserver.state import DATABASE, FILES, LEAVING, PORTS, Failure, read_json
from localserver.storage import link
from localserver.store.migrations import applied
from localserver.swap import DRAFT, upkeep

_COUNTED = ("projects", "tasks", "models", "queues", "events")


@dataclass(frozen=True)
class Backup:
    """A backup that was made, or looked at; `schema` is the last migration of its store, `bytes` are of the archive."""

    file: str
    bytes: int
    made: str
    schema: str
    counts: dict[str, int]


def backup(data_dir: Path | str, target: Path, force: bool = False) -> Backup:
    """Make one archive of the databases and files of a data directory. Raises Failure, and then nothing is there.

    Every SQLite file of the folder is part of it, whoever keeps it there; credentials, logs and locks are not.
    """
    folder, target = Path(data_dir).absolute(), target.expanduser().absolute()
    if target.is_relative_to(folder / FILES):
        raise Failure(f"{target} is among the stored files themselves; give another place.")
    check_target(target, force)
    with upkeep(folder):
        databases = sorted(path for path in folder.glob("*.sqlite") if path.is_file())
        if not databases:
            raise Failure(f"{folder} has nothing to back up: no backend was started on it.")
        check_space(folder, sum(map(_size, databases)))
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=folder) as draft:
            manifest = _pack(folder, Path(draft), databases, target, force)
    return told(target, manifest)


def told(file: Path, manifest: Manifest) -> Backup:
    schema = manifest.schema[-1] if manifest.schema else ""
    return Backup(str(file), file.stat().st_size, manifest.made, schema, manifest.counts)


def _pack(folder: Path, draft: Path, databases: list[Path], target: Path, force: bool) -> Manifest:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    leaving = folder / LEAVING
    leaving.mkdir(mode=0o700)
    try:
        _keep(folder / FILES, draft / "before")
        for path in databases:
            _copy(path, draft / path.name)
        _keep(folder / FILES, draft / "after")
    finally:
        # What goes from here on was found by the second pass.
        leaving = leaving.rename(draft / LEAVING)
    files = _choose(draft, leaving, draft / DATABASE)
    sizes = {name: _size(path) for name, path in files.items()}
    check_space(target.parent, sum(map(_size, draft.glob("*.sqlite"))) + sum(sizes.values()))
    with writing(target, made, force) as archive:
        archive.manifest.schema, counts = _look(draft / DATABASE)
        archive.manifest.counts = {**counts, "files": len(files), "bytes": sum(sizes.values())}
        archive.manifest.ports = {name: port for name, port in read_json(folder / PORTS).items() if type(port) is int}
        _add(archive, databases, draft, files)
    return archive.manifest


def _add(archive: Writer, databases: list[Path], draft: Path, files: dict[str, Path]) -> None:
    for path in databases:
        archive.add(path.name, draft / path.name)
    for name, path in sorted(files.items()):
        archive.add(f"{FILES}/{name}", path)


def _keep(root: Path, kept: Path) -> None:
    """Give every stored file a second name below `kept`, under which it stays as it is now."""
    kept.mkdir()
    for place, _, names in os.walk(root):
        below = kept / Path(place).relative_to(root)
        below.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = Path(place, name)
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    link(path, below / name)
            except FileNotFoundError:
                continue  # deleted meanwhile


def _copy(source: Path, target: Path) -> None:
    """Copy a database as of one moment, whoever writes to it, and look whether it is sound."""
    try:
        with closing(sqlite3.connect(source, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
            # Two connections that write the log back at once can corrupt it in SQLite before 3.51.3.
            live.execute("PRAGMA wal_autocheckpoint = 0")
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise Failure(f"The database {source} cannot be copied ({error}); restore an earlier backup.") from None
    if found != "ok":
        raise Failure(f"The database {source} is damaged ({found.splitlines()[0]}); restore an earlier backup.")


def _choose(draft: Path, leaving: Path, database: Path) -> dict[str, Path]:
    """The files of the backup by their paths: all that were there at some time while the databases were copied."""
    found: dict[str, list[Path]] = {}
    for root in (draft / "before", draft / "after", *sorted(leaving.iterdir())):
        for path in _files(root):
            versions = found.setdefault(path.relative_to(root).as_posix(), [])
            if not any(path.samefile(other) for other in versions):
                versions.append(path)
    replaced = {name for name, versions in found.items() if len(versions) > 1}
    chosen = {name: versions[0] for name, versions in found.items()}
    if replaced and database.exists():
        with closing(sqlite3.connect(database)) as connection:
            for name in replaced:
                chosen[name] = next((path for path in found[name] if _names(connection, path)), chosen[name])
    return chosen


def _names(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether some Task or model names a file by its sha256."""
    with path.open("rb") as file:
        known = f"%{file_digest(file, 'sha256').hexdigest()}%"
    sql = "SELECT 1 FROM tasks WHERE doc LIKE ? UNION ALL SELECT 1 FROM models WHERE doc LIKE ? LIMIT 1"
    return connection.execute(sql, (known, known)).fetchone() is not None


def _files(root: Path) -> Iterator[Path]:
    return (Path(place, name) for place, _, names in os.walk(root) for name in names)


def _look(database: Path) -> tuple[list[str], dict[str, int]]:
    """The migrations that a store has had, and how many of what it holds."""
    if not database.exists():
        return [], dict.fromkeys(_COUNTED, 0)
    with closing(sqlite3.connect(database)) as connection:
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}") for name in _COUNTED}  # noqa: S608  (our names)
        return applied(connection), {name: row.fetchone()[0] for name, row in rows.items()}


def _size(path: Path) -> int:
    return path.stat().st_size
