"""One of a kind at a time on a machine: locks that end with the process that holds them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from clearml_flows.errors import FlowsError, Locked
from clearml_flows.run.options import SHARED


@contextmanager
def run_lock(folder: Path, flow: str) -> Iterator[None]:
    """Hold the flow's lock, unless runs may overlap. Raises Locked, naming the process that has it."""
    if os.environ.get(SHARED):
        yield
        return
    with only_one(folder, f"run-{flow}", f"another run of {flow} is under way", "wait for it or stop it"):
        yield


@contextmanager
def only_one(folder: Path, name: str, found: str, advice: str) -> Iterator[None]:
    """Hold the lock of this name. Raises Locked, in these words, naming the process that has it."""
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
    """The id of the process that holds the lock of this name, empty if none does.

    The lock is taken for that, for an instant: not to be asked again and again.
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
