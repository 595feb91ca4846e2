"""Locks of processes on one machine. A lock ends with the process that holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from clearml_flows.errors import FlowsError, Locked
from clearml_flows.run.options import SHARED


@contextmanager
def run_lock(folder: Path, flow: str) -> Iterator[None]:
    """Hold the flow's lock, unless runs may overlap.

    Raises Locked with the id of the process that holds the lock.
    """
    if os.environ.get(SHARED):
        yield
        return
    with only_one(folder, f"run-{flow}", f"another run of {flow} is under way", "wait for it or stop it"):
        yield


@contextmanager
def only_one(folder: Path, name: str, found: str, advice: str) -> Iterator[None]:
    """Hold the lock of this name.

    Args:
        found: beginning of the message if another process holds the lock.
        advice: end of that message.

    Raises:
        Locked: another process holds the lock. The message names its id.
        FlowsError: the folder is not writable.
    """
    path = folder / f"{name}.lock"
    holder = path.with_suffix(".pid")
    lock = FileLock(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        pid = holder.read_text("utf-8") if holder.is_file() else "unknown"
        raise Locked(f"{found} (process {pid}); {advice}") from None
    except OSError as wrong:
        raise FlowsError(f"{folder} cannot be written to: {wrong.strerror}") from None
    try:
        holder.write_text(str(os.getpid()), "utf-8")
        yield
    finally:
        lock.release()


def holder(folder: Path, name: str) -> str:
    """Return the id of the process that holds the lock of this name.

    Empty if no process holds it. The check takes the lock for a moment. Do not call it in a loop: other processes could
    find the lock taken.
    """
    path = folder / f"{name}.lock"
    if not path.is_file():
        return ""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = path.with_suffix(".pid")
        return pid.read_text("utf-8") if pid.is_file() else "unknown"
    lock.release()
    return ""
