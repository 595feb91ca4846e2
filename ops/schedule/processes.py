"""The processes of runs on this machine: each is a child of its own, which goes on when the scheduler ends."""

import os
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import IO

import psutil

from ops.schedule.records import Run

CLOCK_STEP_SECONDS = 2.0  # by which a process seems to have begun at another time when the clock is set
IN_BACKEND = "-"  # in place of the folder of schedules
LOG_BYTES = 5_000_000  # then it is set aside, and the one before is dropped


class LocalProcesses:
    """folder: the data directory; None for schedules in the backend, whose runs tell all on the console."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def launch(self, run: Run) -> tuple[int, float]:
        """Start `ops/schedule/child.py` for the run. Raises OSError."""
        command = [sys.executable, "-m", "ops.schedule.child", str(self._folder or IN_BACKEND), str(run.number)]
        with _open_log(self._folder) if self._folder else nullcontext() as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._children.append(child)
        return child.pid, _born(child.pid)

    def wait(self, seconds: float) -> None:
        """Give what was started this long to end by itself."""
        deadline = time.monotonic() + seconds
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))

    def alive(self, run: Run) -> bool:
        self._children = [child for child in self._children if child.poll() is None]
        return _process(run) is not None

    def stop(self, run: Run) -> None:
        process = _process(run)
        if process:
            with suppress(psutil.NoSuchProcess):
                process.terminate()


def _open_log(folder: Path) -> IO[bytes]:
    """What runs and schedulers without a terminal print, in a file that does not grow for ever."""
    logs = folder / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = logs / "schedule.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")


@cache
def me() -> tuple[int, float]:
    return os.getpid(), _born(os.getpid())


def _born(pid: int) -> float:
    """When the process began, by which it is told from a later one of the same id; 0 if it is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _process(run: Run) -> psutil.Process | None:
    try:
        process = psutil.Process(run.pid) if run.pid else None
        same = process is not None and abs(process.create_time() - (run.born or 0.0)) <= CLOCK_STEP_SECONDS
        return process if process and same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:  # it is gone, or another user's, so that its id was used again
        return None
