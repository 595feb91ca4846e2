"""Timeouts and retries of steps and runs, enforced by the controller on any machine."""

import logging
import threading
import time
from typing import Any

from clearml import PipelineDecorator, Task

from clearml_flows.backend import sdk

LOOK_EVERY = 1.0
_log = logging.getLogger(__name__)


class Limits:
    """Timeouts and retries of one run.

    Attributes:
        rules: the table [run] of the settings and the cache options, with the edits on the run's Task.
    """

    def __init__(self, rules: dict[str, Any]) -> None:
        self.rules = rules
        self._began = time.monotonic()
        self._started: dict[str, float] = {}
        self._ended: set[str] = set()

    def watch(self) -> None:
        """Start a thread that marks steps beyond a timeout as failed and ends their processes."""
        threading.Thread(target=self._watch, daemon=True).start()

    def try_again(self, _pipeline: Any, node: Any, tries: int) -> bool:
        """Return whether to retry a failed step. Waits before a retry, twice as long each time.

        A step is retried if it marked its failure as transient (`tell_transient`), or if its worker was lost.
        """
        task = node.job.task
        task.reload()
        told = task.data.runtime or {}
        passing = told.get("transient") or " was lost" in str(task.data.status_message)
        if not passing or tries >= self.rules["retries"]:
            return False
        pause = self.rules["retry_wait"] * 2**tries
        why = told.get("failure") or task.data.status_message
        note = f"{why}; try {tries + 2} of {self.rules['retries'] + 1} in {pause:g} s"
        task._set_runtime_properties({"progress_text": note, "transient": "", "failure": ""})
        time.sleep(pause)
        self._started.pop(node.name, None)
        return True

    def _watch(self) -> None:
        while True:
            try:
                self._look()
            except Exception as error:  # the backend may be away, or the graph may grow meanwhile: check again
                _log.warning("looking for what takes too long: %s", error)
            time.sleep(LOOK_EVERY)

    def _look(self) -> None:
        for name, node in PipelineDecorator.get_current_pipeline().get_running_nodes().items():
            if node.job and name not in self._ended and (why := self._exceeded(name, node.job)):
                end_job(node.job, why)
                self._ended.add(name)

    def _exceeded(self, name: str, job: Any) -> str:
        """Return a sentence with the limit that the step exceeded. Empty if none."""
        now, whole, each = time.monotonic(), self.rules["timeout"], self.rules["step_timeout"]
        if whole and now - self._began > whole and not job.is_stopped():
            return f"the run took longer than the {whole:g} s that run.timeout allows"
        if job.is_running() and each and now - self._started.setdefault(name, now) > each:
            return f"it took longer than the {each:g} s that run.step_timeout allows"
        return ""


def end_job(job: Any, why: str) -> None:
    """Mark a step as failed with this reason, and end its processes.

    On another machine, the agent ends the processes.
    """
    task = job.task
    task._set_runtime_properties({"failure": why, "transient": ""})
    if job.is_pending():
        Task.dequeue(task)
    task.mark_failed(force=True, status_reason=why, status_message=why)
    sdk.kill_process(job)
