"""Start a flow's controller as a process of its own, watch it to its end, and leave nothing running behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows import watch
from flows.backend import Backend, connect, data_dir, start_embedded
from flows.errors import FlowsError, Unreachable
from flows.lock import run_lock
from flows.roles import RUN_FILE, How
from flows.settings import Settings
from flows.watch import Run

LOOK_EVERY = 0.5
STOP_WITHIN = 10.0
LOST_AFTER = 120.0


@dataclass(frozen=True)
class Ended:
    """A run that has ended, and the file that holds what its processes printed."""

    run: Run
    backend: Backend
    seconds: float
    log: Path


def launch(flow: str, settings: Settings, how: How, show: Callable[[Run | None, float], None]) -> Ended:
    """Run a flow and wait for its end; twice a second `show` gets what is known of it and the seconds since the start.

    Raises Locked, Unreachable, or FlowsError if there was no run to speak of; a run that
    failed is an answer, not an error. An interrupt stops the run, marks it so, and goes on as KeyboardInterrupt.
    """
    with run_lock(data_dir(settings), flow):
        backend = connect(settings)
        with tempfile.TemporaryDirectory(prefix="flows-") as folder:
            controller = _Controller(flow, settings, backend, Path(folder) / "run", how)
            try:
                run = controller.watch(show)
            except BaseException:
                controller.stop("stopped", "the launcher was interrupted")
                raise
            return Ended(run, backend, controller.seconds, controller.log)


class _Controller:
    def __init__(self, flow: str, settings: Settings, backend: Backend, run_file: Path, how: How) -> None:
        self.settings, self.backend, self.run_file = settings, backend, run_file
        self.began = time.monotonic()
        self.log = _log_file(data_dir(settings), flow)
        variables = {**os.environ, **backend.environment, RUN_FILE: str(run_file), **how.variables()}
        script = Path(__file__).with_name(f"{flow}_flow.py")
        with self.log.open("wb") as log:
            # A session of its own, so that an interrupt at the terminal reaches us first and stop() reaches every step.
            self.process = subprocess.Popen(
                [sys.executable, str(script)],
                env=variables,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 1)

    @property
    def run_id(self) -> str:
        return self.run_file.read_text("utf-8") if self.run_file.is_file() else ""

    def watch(self, show: Callable[[Run | None, float], None]) -> Run:
        seen = time.monotonic()
        while self.process.poll() is None:
            try:
                show(watch.read(self.backend.api, self.run_id) if self.run_id else None, self.seconds)
                seen = time.monotonic()
            except Unreachable:
                self._backend_is_away(time.monotonic() - seen)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(LOOK_EVERY)
        return self._final()

    def stop(self, status: str, message: str) -> None:
        """End the controller with all its steps, and mark what did not complete."""
        cut_off: list[str] = []
        with suppress(Unreachable):  # the processes are to end all the same
            cut_off = watch.running_tasks(self.backend.api, self.run_id) if self.run_id else []
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_WITHIN)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with suppress(Unreachable):
            self._mark(cut_off, status, message)

    def _backend_is_away(self, seconds: float) -> None:
        if self.backend.kind == "embedded":
            start_embedded(self.settings)
        elif seconds > LOST_AFTER:
            raise Unreachable(f"{self.backend.api.url} has not answered for {seconds:.0f} s; the run was stopped")

    def _final(self) -> Run:
        if not self.run_id:
            raise FlowsError(
                f"the controller ended before the run began: {_last_line(self.log)} (all of it: {self.log})"
            )
        run = watch.read(self.backend.api, self.run_id)
        if run.status in watch.RUNNING:
            self.stop("failed", f"the controller's process ended with code {self.process.returncode}")
            run = watch.read(self.backend.api, self.run_id)
        return run

    def _mark(self, tasks: list[str], status: str, message: str) -> None:
        reason = {"status_reason": message, "status_message": message, "force": True}
        for task in watch.not_completed(self.backend.api, tasks):
            self.backend.api.call(f"tasks.{status}", task=task, **reason)


def _log_file(folder: Path, flow: str) -> Path:
    logs = folder / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    return logs / f"{flow}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
