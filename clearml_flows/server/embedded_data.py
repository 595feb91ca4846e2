"""Backup, restore and upgrade of the data directory: embedded backend, schedules and more."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import FlowsError, Locked
from clearml_flows.localserver import launcher
from clearml_flows.localserver import restore as of_server
from clearml_flows.localserver.backup import Backup
from clearml_flows.localserver.backup import backup as back_up
from clearml_flows.localserver.state import LOCK, STARTING_LOCK, UPKEEP_LOCK
from clearml_flows.settings import Settings

_OF_THE_SERVER = {LOCK, STARTING_LOCK, UPKEEP_LOCK}


def backup(settings: Settings, target: Path, force: bool = False) -> Backup:
    """Write all databases and stored files to one file. The backend may run. Raises Failure."""
    return back_up(data_dir(settings), target, force)


def restore(settings: Settings, source: Path) -> of_server.Restored:
    """Replace the data directory's content by a backup.

    Raises:
        FlowsError: the backend is running.
        Locked: a run or the scheduler is running.
        Failure: the backup is damaged.
    """
    folder = data_dir(settings)
    if launcher.status(folder).running:
        raise FlowsError(f"the backend of {folder} is running; stop it first: flows server down")
    with _unused(folder):
        return of_server.restore(folder, source)


def upgrade(settings: Settings, target: Path | None = None) -> of_server.Upgraded:
    """Upgrade the store to this release after a backup. A running backend is restarted."""
    folder = data_dir(settings)
    before, todo = of_server.outstanding(folder)
    if not todo:
        return of_server.Upgraded(before, before, None)
    running = launcher.down(folder)
    done = of_server.upgrade(folder, target)
    if running:
        launcher.up(folder, settings.server.api_port, settings.server.files_port)
    return done


@contextmanager
def _unused(folder: Path) -> Iterator[None]:
    """Hold the locks of runs and the scheduler. Raises Locked if one is held."""
    with ExitStack() as held:
        for path in sorted(folder.glob("*.lock")):
            if path.name in _OF_THE_SERVER:
                continue
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                holder = path.with_suffix(".pid")
                pid = holder.read_text("utf-8") if holder.is_file() else "unknown"
                raise Locked(f"{folder} is in use ({path.stem}, process {pid}); end that process first") from None
            held.callback(lock.release)
        yield
