"""One run of a flow at a time on a machine: a lock that ends with the process that holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.errors import FlowsError, Locked


@contextmanager
def run_lock(folder: Path, flow: str) -> Iterator[None]:
    """Hold the flow's lock. Raises Locked, naming the process that has it."""
    path = folder / f"run-{flow}.lock"
    holder = path.with_suffix(".pid")
    lock = FileLock(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        pid = holder.read_text("utf-8") if holder.is_file() else "unknown"
        raise Locked(f"another run of {flow} is under way (process {pid}); wait for it or stop it") from None
    except OSError as wrong:
        raise FlowsError(f"{folder} cannot be written to: {wrong.strerror}") from None
    try:
        holder.write_text(str(os.getpid()), "utf-8")
        yield
    finally:
        lock.release()
