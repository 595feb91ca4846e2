"""A run that is under way, started as users start it, for tests that cut in."""

import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from clearml_flows.backend.client import Api
from clearml_flows.run import snapshot
from tests.e2e.conftest import ROOT, Place

STARTS_WITHIN = 180.0


class Running:
    """A launcher in the middle of a step, found by the backend's records.

    `options` are of `python flows/churn_flow.py`; `resume` is the run to resume instead. `family` is what the launcher
    had started when it was looked at last.
    """

    def __init__(self, place: Place, api: Api, step: str, *options: str, resume: str = "", **environment: str) -> None:
        run = [str(ROOT / "flows" / "churn_flow.py"), "--source", "synthetic", "--json", *options]
        self.before = self._runs_in_progress(api)
        self.process = subprocess.Popen(
            [sys.executable, *(["-m", "clearml_flows", "runs", "resume", resume, "--json"] if resume else run)],
            env={**place.environment, **environment},
            cwd=place.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.api = api
        self.run_id = self.stdout = self.stderr = ""
        self.wait(lambda: self._is_at(step), f"{step} runs")

    @property
    def controller(self) -> psutil.Process:
        return next(process for process in self.family if process.ppid() == self.process.pid)

    @property
    def step(self) -> psutil.Process:
        """The process of the step that runs, where steps are processes here."""
        controller = self.controller
        return next(process for process in self.family if process.ppid() == controller.pid)

    def task(self, step: str) -> str:
        """The id of a step's Task."""
        return snapshot.read(self.api, self.run_id).step(step).task_id

    def wait_for_step(self, step: str) -> str:
        """Wait until a step of this run runs; the id of its Task."""
        self.wait(lambda: snapshot.read(self.api, self.run_id).step(step).status == "in_progress", f"{step} runs")
        return self.task(step)

    def wait(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while not true():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, f"not in time: {what}"
            time.sleep(0.1)
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def _is_at(self, step: str) -> bool:
        for run_id in self._runs_in_progress(self.api) - self.before:
            if snapshot.read(self.api, run_id).step(step).status == "in_progress":
                self.run_id = run_id
                return True
        return False

    @staticmethod
    def _runs_in_progress(api: Api) -> set[str]:
        found = api.call("tasks.get_all", type=["controller"], status=["in_progress"], search_hidden=True)
        return {task["id"] for task in found["tasks"]}

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of the launcher at its end."""
        stdout, stderr = self.process.communicate(timeout=timeout)
        return self.process.returncode, stdout, stderr
