"""The processes of runs on this machine: each is a child of its own, which goes on when the scheduler ends."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from ops.schedule.records import Run

CLOCK_STEP_SECONDS = 2.0  # by which a process seems to have begun at another time when the clock is set
LOG_BYTES = 5_000_000  # then it is set aside, and the one before is dropped


class LocalProcesses:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def launch(self, run: Run) -> tuple[int, float]:
        """Start `ops/schedule/child.py` for the run. Raises OSError."""
        logs = self._folder / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = logs / "schedule.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
        with path.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "ops.schedule.child", str(self._folder), str(run.number)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children.append(child)
        return child.pid, _born(child.pid)

    def alive(self, run: Run) -> bool:
        self._children = [child for child in self._children if child.poll() is None]
        return _process(run) is not None

    def stop(self, run: Run) -> None:
        process = _process(run)
        if process:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()


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
