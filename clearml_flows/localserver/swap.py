"""Replace the data of a data directory completely or not at all, also if killed.

The new data is prepared in a draft folder. Then a journal with all moves is written. Before the journal exists,
nothing has changed. After it exists, the next start, backup or restore completes the moves.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from clearml_flows.localserver.credentials import write_private
from clearml_flows.localserver.state import FILES, LEAVING, PORTS, UPKEEP_LOCK, Failure, read_json
from clearml_flows.localserver.storage import sync_folder

DRAFT = "upkeep-draft-"
ASIDE = "before-restore-"
JOURNAL = "restoring.json"
_LOCK_SECONDS = 10.0
_MOVED = (FILES, PORTS, "*.sqlite", "*.sqlite-wal", "*.sqlite-shm", "*.sqlite-journal")


@contextmanager
def upkeep(folder: Path) -> Iterator[None]:
    """Lock a data directory for one backup or restore, after completing an interrupted one.

    Raises:
        Failure: The folder does not exist, or another backup or restore is running.
    """
    if not folder.is_dir():
        raise Failure(f"{folder} is not a folder: no backend was started on it")
    with _alone(folder):
        _finish(folder)
        with suppress(FileNotFoundError):
            # Rename it first, because a running server may still link files into it.
            (folder / LEAVING).rename(folder / f"{DRAFT}{LEAVING}")
        for draft in folder.glob(f"{DRAFT}*"):
            shutil.rmtree(draft)
        yield


def finish(folder: Path) -> None:
    """Complete an interrupted restore whose journal exists.

    Raises:
        Failure: Another process is running a backup or restore, or the journal is damaged.
    """
    if (folder / JOURNAL).exists():
        with _alone(folder):
            _finish(folder)


def swap(folder: Path, draft: Path) -> Path | None:
    """Replace the data of `folder` with the contents of `draft`.

    Returns the folder with the previous data, or None. The caller must hold the server's lock and `upkeep`.
    """
    old = sorted({path.name for pattern in _MOVED for path in folder.glob(pattern)})
    aside = f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    plan = {"draft": draft.name, "aside": aside, "old": old, "new": sorted(path.name for path in draft.iterdir())}
    write_private(folder / JOURNAL, json.dumps(plan) + "\n")
    sync_folder(folder)
    _finish(folder)
    return folder / aside if old else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / UPKEEP_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise Failure(f"another backup or restore of {folder} is running; wait until it ends") from None
    except OSError as error:
        raise Failure(f"cannot use the data directory {folder}: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def _finish(folder: Path) -> None:
    """Make the moves in the journal. Moves that were already made are skipped.

    All old entries move first. Entries found after that are new.
    """
    if not (folder / JOURNAL).exists():
        return
    plan = read_json(folder / JOURNAL)
    if set(plan) != {"draft", "aside", "old", "new"}:
        raise Failure(
            f"{folder / JOURNAL} is damaged after an interrupted restore; restore the backup into a new folder"
        )
    draft, aside = folder / plan["draft"], folder / plan["aside"]
    if plan["old"]:
        aside.mkdir(mode=0o700, exist_ok=True)
        _move(plan["old"], folder, aside)
    for name in plan["new"]:
        if (draft / name).exists():
            (draft / name).replace(folder / name)
    sync_folder(folder)
    (folder / JOURNAL).unlink()
    sync_folder(folder)
    shutil.rmtree(draft, ignore_errors=True)


def _move(names: list[str], folder: Path, aside: Path) -> None:
    for name in names:
        if not (aside / name).exists() and (folder / name).exists():
            (folder / name).replace(aside / name)
    sync_folder(aside)
    sync_folder(folder)
