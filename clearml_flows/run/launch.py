"""Start a flow's controller as a process or on an agent, and watch the run to its end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from clearml_flows import project
from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect, data_dir, start_embedded
from clearml_flows.backend.queues import check_queues
from clearml_flows.catalog import flow_file
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.lock import run_lock
from clearml_flows.run import snapshot
from clearml_flows.run.ending import mark, settle, unfinished
from clearml_flows.run.options import KEY, RUN_FILE, How
from clearml_flows.run.snapshot import Run
from clearml_flows.settings import Settings

LOOK_EVERY = 0.5
SETTLE_EVERY = 5.0
STOP_WITHIN = 10.0
LOST_AFTER = 120.0
MARK_TRIES = 2  # one late answer must not leave Tasks of the run in progress


@dataclass(frozen=True)
class Ended:
    """A finished run and where its controller's log is (a path or a URL)."""

    run: Run
    backend: Backend
    seconds: float
    log: str


def launch(flow: str, settings: Settings, how: How, show: Callable[[Run | None, float], None]) -> Ended:
    """Run a flow, wait for its end and return it. A failed run is returned and raises no error.

    An interrupt stops the run, marks it as stopped, and is raised again as KeyboardInterrupt.

    Args:
        how: options of the run. With `detach`, return when the controller is in its queue.
        show: called twice a second with the run (None before it exists) and the seconds since the start.

    Raises:
        Locked: another run of the flow is under way.
        Unreachable: the backend does not answer, or no live agent watches a queue.
        FlowsError: the controller ended before the run began.
    """
    with run_lock(data_dir(settings), flow):
        backend = connect(settings)
        if how.remote:
            how = replace(how, queue=how.queue or settings.queues.steps)
        queues = [name for name in (settings.queues.services if how.remote else "", how.queue) if name]
        ids = check_queues(backend.api, queues, how.create_queue, how.wait_for_worker)
        with tempfile.TemporaryDirectory(prefix="flows-") as folder:
            controller = _Controller(flow, settings, backend, Path(folder) / "run", how)
            try:
                run = controller.watch(show, ids[queues[0]] if how.remote else "", how.detach)
            except BaseException:
                controller.stop("stopped", "the launcher was interrupted")
                raise
            console = f"{backend.web_url}/projects/{run.project}/experiments/{run.run_id}/output/log"
            return Ended(run, backend, controller.seconds, console if how.remote else str(controller.log))


class _Controller:
    """Process of the controller, or for a controller on an agent, of the draft of its Task."""

    def __init__(self, flow: str, settings: Settings, backend: Backend, run_file: Path, how: How) -> None:
        self.settings, self.backend, self.run_file = settings, backend, run_file
        self.began = time.monotonic()
        self.remote, self.settled = False, 0.0
        self.log = _log_file(data_dir(settings), flow)
        variables = {
            **os.environ,
            **project.environment(),
            **backend.environment,
            RUN_FILE: str(run_file),
            **how.variables(),
        }
        with self.log.open("wb") as log:
            # In its own session, so that an interrupt at the terminal reaches only us, and stop() reaches every step.
            self.process = subprocess.Popen(
                [sys.executable, str(flow_file(flow))],
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

    def watch(self, show: Callable[[Run | None, float], None], queue: str, detach: bool) -> Run:
        """Wait for the run's end and return the run.

        Args:
            queue: id of the queue to put the draft into. Empty: the process is the controller.
            detach: return the run when it is in the queue.
        """
        self._look(show, lambda _run: self.process.poll() is not None)
        if not self.run_id or (queue and self.process.returncode):
            raise FlowsError(
                f"the controller ended before the run began: {_last_line(self.log)} (all of it: {self.log})"
            )
        if queue:
            first = _first_of_its_key(self.backend.api, self.run_id)
            if first != self.run_id:
                self.backend.api.call("tasks.delete", task=self.run_id, force=True)
                self.run_file.write_text(first, "utf-8")
            else:
                self.backend.api.call("tasks.enqueue", task=self.run_id, queue=queue)
            self.remote = True
            if detach:
                return snapshot.read(self.backend.api, self.run_id)
            self._look(show, lambda run: run is not None and run.status not in snapshot.RUNNING)
        return self._final()

    def _look(self, show: Callable[[Run | None, float], None], ended: Callable[[Run | None], bool]) -> None:
        seen, run = time.monotonic(), None
        while not ended(run):
            try:
                run = snapshot.read(self.backend.api, self.run_id) if self.run_id else None
                show(run, self.seconds)
                self._settle_now_and_then()
                seen = time.monotonic()
            except Unreachable:
                self._backend_is_away(time.monotonic() - seen)
            self._pause()

    def _settle_now_and_then(self) -> None:
        """Check every SETTLE_EVERY seconds whether a controller on an agent is alive."""
        if self.remote and time.monotonic() > self.settled + SETTLE_EVERY:
            settle(self.backend.api, self.run_id, self.settings.agents.lost_after)
            self.settled = time.monotonic()

    def _pause(self) -> None:
        if self.remote:
            time.sleep(LOOK_EVERY)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LOOK_EVERY)

    def stop(self, status: str, message: str) -> None:
        """End the controller and its steps, and give `status` to the Tasks that did not complete."""
        cut_off: list[str] = []
        with suppress(Unreachable):  # the processes must end anyway
            cut_off = self._unfinished()
        if not self.remote:
            self._end_processes()
        for _ in range(MARK_TRIES):
            with suppress(Unreachable):
                # Includes the Tasks that the controller created just before its end.
                every = list(dict.fromkeys([*cut_off, *self._unfinished()]))
                mark(self.backend.api, snapshot.not_completed(self.backend.api, every), status, message)
                return

    def _unfinished(self) -> list[str]:
        return unfinished(self.backend.api, self.run_id) if self.run_id else []

    def _end_processes(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_WITHIN)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _backend_is_away(self, seconds: float) -> None:
        if self.backend.kind == "embedded":
            start_embedded(self.settings)
        if seconds > LOST_AFTER:
            raise Unreachable(f"{self.backend.api.url} has not answered for {seconds:.0f} s; the run was stopped")

    def _final(self) -> Run:
        run = snapshot.read(self.backend.api, self.run_id)
        if run.status in snapshot.RUNNING:
            self.stop("failed", f"the controller's process ended with code {self.process.returncode}")
        elif run.status in snapshot.BROKEN:
            # ClearML marks the other running steps, but does not end their processes on this machine.
            self.stop("stopped", f"the run {run.status}")
        return snapshot.read(self.backend.api, self.run_id)


def _first_of_its_key(api: Api, draft: str) -> str:
    """Return the id of the first Task with this run's scheduler key, else `draft`.

    Two schedulers may start the same run. Only the first Task is run.
    """
    key = os.environ.get(KEY)
    if not key:
        return draft
    query = {"tags": [key], "type": ["controller"], "search_hidden": True, "only_fields": ["id", "created"]}
    made = [(task["created"], task["id"]) for task in api.call("tasks.get_all", **query)["tasks"]]
    return str(min(made)[1]) if made else draft


def _log_file(folder: Path, flow: str) -> Path:
    logs = folder / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    return logs / f"{flow}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
