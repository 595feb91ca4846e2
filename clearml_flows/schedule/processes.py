"""Processes of runs on this machine.

Each is in a session of its own and outlives the scheduler.
"""

import os
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import IO

import psutil

from clearml_flows.schedule.records import Run

CLOCK_STEP_SECONDS = 2.0  # the creation time of a process shifts by this much when the clock is set
IN_BACKEND = "-"  # argument that stands for the data directory if the schedules are in the backend
LOG_BYTES = 5_000_000  # a larger log is renamed, which replaces the older one


class LocalProcesses:
    """Start and stop the processes of runs.

    Args:
        folder: the data directory; None for schedules in the backend, whose runs log to the console.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def launch(self, run: Run) -> tuple[int, float]:
        """Start `schedule/child.py` for the run and return its pid and creation time.

        Raises OSError.
        """
        command = [
            sys.executable,
            "-m",
            "clearml_flows.schedule.child",
            str(self._folder or IN_BACKEND),
            str(run.number),
        ]
        with _open_log(self._folder) if self._folder else nullcontext() as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._children.append(child)
        return child.pid, _born(child.pid)

    def wait(self, seconds: float) -> None:
        """Wait up to `seconds` in all for the started processes to end."""
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
    """Open the log of runs and schedulers without a terminal, and rotate it at LOG_BYTES."""
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
    """Return the creation time of a process, or 0 if it is gone.

    Two processes with one pid differ in it.
    """
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _process(run: Run) -> psutil.Process | None:
    try:
        process = psutil.Process(run.pid) if run.pid else None
        same = process is not None and abs(process.create_time() - (run.born or 0.0)) <= CLOCK_STEP_SECONDS
        return process if process and same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:  # the process is gone, or its pid now belongs to another user
        return None
