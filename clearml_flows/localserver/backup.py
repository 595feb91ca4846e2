"""Back up a data directory while its server is running.

The server stores a file before the row that names it. The backup uses this order:

1. Hard-link all files.
2. Copy the databases with SQLite's backup API.
3. Hard-link the files that were added since step 1.

While a backup runs, the server links files that it removes or replaces into a separate folder.
So every file named by a copied row is available. If a path has several versions, the copied rows decide.
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

from clearml_flows.localserver.archive import Manifest, Writer, check_space, check_target, writing
from clearml_flows.localserver.state import DATABASE, FILES, LEAVING, PORTS, Failure, read_json
from clearml_flows.localserver.storage import link
from clearml_flows.localserver.store.migrations import applied
from clearml_flows.localserver.swap import DRAFT, upkeep

_COUNTED = ("projects", "tasks", "models", "queues", "events")


@dataclass(frozen=True)
class Backup:
    """A backup file.

    Attributes:
        bytes: Size of the archive.
        schema: The last migration applied to its store.
    """

    file: str
    bytes: int
    made: str
    schema: str
    counts: dict[str, int]


def backup(data_dir: Path | str, target: Path, force: bool = False) -> Backup:
    """Write the databases and files of a data directory to one archive.

    All SQLite files in the folder are included. Credentials, logs and locks are not.

    Raises:
        Failure: The backup was not made. No file is left at `target`.
    """
    folder, target = Path(data_dir).absolute(), target.expanduser().absolute()
    if target.is_relative_to(folder / FILES):
        raise Failure(f"{target} is inside the folder of stored files; give another path")
    check_target(target, force)
    with upkeep(folder):
        databases = sorted(path for path in folder.glob("*.sqlite") if path.is_file())
        if not databases:
            raise Failure(f"{folder} has nothing to back up: no backend was started on it")
        check_space(folder, sum(map(_size, databases)))
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=folder) as draft:
            manifest = _pack(folder, Path(draft), databases, target, force)
    return told(target, manifest)


def told(file: Path, manifest: Manifest) -> Backup:
    """Return the description of a backup file with this manifest."""
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
        # Files removed after this point are already linked by the second pass.
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
    """Hard-link every stored file below `kept`, so that its content is preserved."""
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
                continue  # deleted in the meantime


def _copy(source: Path, target: Path) -> None:
    """Copy a database to a consistent state and check the copy; raises Failure."""
    try:
        with closing(sqlite3.connect(source, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
            # SQLite before 3.51.3 can corrupt the database if two connections checkpoint the WAL at once.
            live.execute("PRAGMA wal_autocheckpoint = 0")
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise Failure(f"cannot copy the database {source} ({error}); restore an earlier backup") from None
    if found != "ok":
        raise Failure(f"the database {source} is damaged ({found.splitlines()[0]}); restore an earlier backup")


def _choose(draft: Path, leaving: Path, database: Path) -> dict[str, Path]:
    """Return the files of the backup by path: all that existed while databases were copied."""
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
    """Return True if a Task or model document contains the sha256 of a file."""
    with path.open("rb") as file:
        known = f"%{file_digest(file, 'sha256').hexdigest()}%"
    sql = "SELECT 1 FROM tasks WHERE doc LIKE ? UNION ALL SELECT 1 FROM models WHERE doc LIKE ? LIMIT 1"
    return connection.execute(sql, (known, known)).fetchone() is not None


def _files(root: Path) -> Iterator[Path]:
    return (Path(place, name) for place, _, names in os.walk(root) for name in names)


def _look(database: Path) -> tuple[list[str], dict[str, int]]:
    """Return the migrations applied to a store, and the number of rows by table."""
    if not database.exists():
        return [], dict.fromkeys(_COUNTED, 0)
    with closing(sqlite3.connect(database)) as connection:
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}") for name in _COUNTED}  # noqa: S608  (our names)
        return applied(connection), {name: row.fetchone()[0] for name, row in rows.items()}


def _size(path: Path) -> int:
    return path.stat().st_size
