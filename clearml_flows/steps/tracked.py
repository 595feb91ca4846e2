"""Run one step as a Task of its own, with a pipeline's script, in a local process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect, data_dir
from clearml_flows.backend.quiet import quiet
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.project import add_to_path, code
from clearml_flows.run import ending
from clearml_flows.run.snapshot import BROKEN, RUNNING, failure_of
from clearml_flows.settings import Settings
from clearml_flows.steps.signatures import Step

STOP_WITHIN = 10.0


@dataclass(frozen=True)
class Ran:
    """A finished step.

    `returned` has the returned texts by name. `message` is the reason of a failure, else empty.
    """

    step: str
    task_id: str
    web_url: str
    message: str
    returned: dict[str, str]
    log: str

    def check(self, message: str = "") -> None:
        """Raise if the step failed: BadInput for bad data, else FlowsError.

        The text is `message`, or the step's own message and log.
        """
        if self.message:
            bad_data = self.message.startswith("bad data")
            raise (BadInput if bad_data else FlowsError)(
                message or f"step {self.step} failed: {self.message} (log: {self.log})"
            )


def connected(settings: Settings) -> Backend:
    """Connect this process and its SDK to the backend. Raises Unreachable if none answers."""
    backend = connect(settings)
    # The SDK's session reads these variables once, so they are set before.
    os.environ.update(backend.environment)
    return backend


def returned_by(backend: Backend, flow: str, settings: Settings) -> Callable[[Step, Mapping[str, Any]], dict[str, str]]:
    """Return a function that runs a step and returns its results. It raises as `Ran.check`."""

    def run(step: Step, arguments: Mapping[str, Any]) -> dict[str, str]:
        ran = run_step(backend, step, flow, arguments, settings)
        ran.check()
        return ran.returned

    return run


def run_step(backend: Backend, step: Step, flow: str, arguments: Mapping[str, Any], settings: Settings) -> Ran:
    """Run the step as a Task in the project of the flow's runs, and wait for its end.

    Raises FlowsError if it is interrupted, also by SIGTERM. The step is then ended and its Task is marked stopped.
    """
    _be_interrupted_by_sigterm()
    task, script = _make_task(step, flow, f"{settings.project.name}/.pipelines/{flow}", arguments)
    log = _log_file(data_dir(settings), step.name)
    limit = settings.run.step_timeout
    with tempfile.TemporaryDirectory(prefix="flows-") as folder:
        path = Path(folder, f"{step.name}.py")
        path.write_text(script, "utf-8")
        backend.api.call("tasks.started", task=task["id"])
        process = _start(path, task["id"], log)
        try:
            process.wait(limit or None)
        except subprocess.TimeoutExpired:
            _end(process, backend.api, task["id"], "failed", f"it took longer than run.step_timeout, {limit:.0f} s")
        except KeyboardInterrupt:
            _end(process, backend.api, task["id"], "stopped", "interrupted")
            raise FlowsError(f"step {step.name} was interrupted; its Task {task['id']} is marked stopped") from None
    message, returned = _outcome(backend.api, step, task["id"], process.returncode)
    page = f"{backend.web_url}/projects/{task['project']}/experiments/{task['id']}/output/log"
    return Ran(step.name, task["id"], page, message, returned, str(log))


def _be_interrupted_by_sigterm() -> None:
    def interrupt(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _make_task(step: Step, flow: str, project: str, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    with quiet():
        task = _sdk(flow).make_step_task(step.name, arguments, project, commit_of(code()), _packed_modules)
        return {"id": task.id, "project": task.project}, str(task.data.script.diff)


def commit_of(folder: Path) -> str:
    """Return the checked-out commit of a folder. Empty without a repository or git."""
    git = shutil.which("git")
    if not git:
        return ""
    asked = [git, "-C", str(folder), "rev-parse", "--verify", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _packed_modules(step: Callable[..., Any]) -> str:
    from clearml_flows.run import bundle, step_code

    return bundle.pack_modules(step_code.modules_of(step))


@cache
def _sdk(flow: str) -> Any:
    """Register the flow's steps with exact requirements, and return clearml_flows.backend.sdk."""
    add_to_path()
    from clearml_flows.backend import sdk
    from clearml_flows.run import bundle, step_code

    import_module(f"flows.{flow}_flow")
    sdk.ask_nobody_for_news()
    sdk.prepare_steps(bundle.exact, step_code.header)
    return sdk


def _start(path: Path, task_id: str, log: Path) -> "subprocess.Popen[bytes]":
    told = {"CLEARML_TASK_ID": task_id, "CLEARML_LOG_TASK_TO_BACKEND": "1", "CLEARML_SIMULATE_REMOTE_TASK": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_PROC_MASTER_ID")}
    with log.open("wb") as file:
        # A session of its own, so that a Ctrl-C reaches this process and not the step.
        return subprocess.Popen(
            [sys.executable, "-P", str(path)],
            env={**environment, **told},
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _end(process: "subprocess.Popen[bytes]", api: Api, task_id: str, status: str, message: str) -> None:
    """End the step's processes, and mark its Task and the Tasks that it started."""
    cut_off = [task_id]
    with suppress(FlowsError):  # the processes must end even without a backend
        cut_off = ending.unfinished(api, task_id)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN)
    with suppress(FlowsError):
        ending.mark(api, cut_off, status, message)


def _outcome(api: Api, step: Step, task_id: str, exit_code: int) -> tuple[str, dict[str, str]]:
    """Return the reason of a failure (or an empty text) and the returned values.

    Also marks the step's Task if it has no final status yet.
    """
    task = api.call("tasks.get_by_id", task=task_id)["task"]
    if task["status"] in RUNNING and exit_code == 0:
        api.call("tasks.completed", task=task_id, status_reason="completed")
    elif task["status"] in RUNNING:
        ending.mark(api, [task_id], "failed", failure_of(task) or f"its process ended with code {exit_code}")
    if exit_code or task["status"] in BROKEN:
        message = failure_of(api.call("tasks.get_by_id", task=task_id)["task"]).strip().rstrip(".:")
        return message or f"its process ended with code {exit_code}", {}
    items = (task.get("hyperparams") or {}).get("return") or {}
    return "", {name: str(items[name]["value"]) for name in step.returns if name in items}


def _log_file(folder: Path, step: str) -> Path:
    logs = folder / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    return logs / f"step-{step}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
