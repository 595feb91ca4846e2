"""Snapshot of a run from the backend, the same for runs on this machine and on agents."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clearml_flows.backend.client import Api

RUNNING = frozenset({"created", "queued", "in_progress"})
BY_AGENT = "Changed by clearml-agent "  # agents write this as the message, and the cause as the reason
KILLED = ("exit code -9", "exit code 137")
BROKEN = frozenset({"failed", "stopped"})
STEP_FIELDS = ["id", "parent", "status", "status_message", "status_reason", "started", "completed", "hyperparams"]
TIME_FIELDS = ["status_changed", "last_update", "execution.queue"]


@dataclass(frozen=True)
class Step:
    """A step of a run. `status` is its Task's status, `pending` without a Task, or `cached`."""

    name: str
    task_id: str = ""
    status: str = "pending"
    message: str = ""
    seconds: float = 0.0
    returns: dict[str, str] | None = None
    progress: str = ""
    started: str = ""
    changed: str = ""  # time of the last status change
    updated: str = ""  # time of the last update
    queue: str = ""  # id of the step's queue
    own_words: bool = False  # whether the step itself wrote the message

    @property
    def cached(self) -> bool:
        return self.status == "cached"


@dataclass(frozen=True)
class Run:
    run_id: str
    status: str
    message: str
    project: str
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        return next((step for step in self.steps if step.name == name), Step(name))

    def step_with(self, result: str) -> Step:
        """Return the last step that returned a result of this name, or an empty step."""
        return next((step for step in reversed(self.steps) if (step.returns or {}).get(result)), Step(""))

    def result(self, name: str) -> dict[str, Any]:
        """Return the result of this name as parsed JSON. {} if no step returned one (yet)."""
        text = (self.step_with(name).returns or {}).get(name, "")
        return dict(json.loads(text)) if text.startswith("{") else {}

    @property
    def broken(self) -> Step | None:
        return next((step for step in self.steps if step.status in BROKEN), None)


def read(api: Api, run_id: str) -> Run:
    """Return the run's current state. Raises Unreachable, or Refused if there is no such Task."""
    return of_controller(api, api.call("tasks.get_by_id", task=run_id)["task"])


def of_controller(api: Api, controller: dict[str, Any]) -> Run:
    """Return the run for its controller's Task from `tasks.get_by_id`. Raises Unreachable."""
    run_id = controller["id"]
    nodes = graph(controller)
    tasks = _tasks(api, [node["job_id"] for node in nodes.values() if node.get("job_id")])
    steps = tuple(_step(name, tasks.get(node.get("job_id") or "", {}), run_id) for name, node in nodes.items())
    return Run(run_id, controller["status"], failure_of(controller), controller.get("project", ""), steps)


def base_name(step: str) -> str:
    """Return the step's name without the number of a call: train_sweep for train_sweep_1."""
    return re.sub(r"_\d+$", "", step)


def _in_order(nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sort the steps of a component together: ClearML numbers further calls (train_sweep_1)."""
    names = list(nodes)

    def place(name: str) -> tuple[int, int]:
        base, _, number = name.rpartition("_")
        return (names.index(base), int(number)) if number.isdigit() and base in nodes else (names.index(name), 0)

    return {name: nodes[name] for name in sorted(names, key=place)}


def not_completed(api: Api, ids: list[str]) -> list[str]:
    """Return the Tasks that are running, failed or stopped."""
    if not ids:
        return []
    tasks = api.call("tasks.get_all", id=ids, only_fields=["id", "status"], search_hidden=True)["tasks"]
    return [task["id"] for task in tasks if task["status"] in RUNNING | BROKEN]


def graph(controller: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the run's steps by name, from the configuration object `Pipeline` of its Task."""
    text = controller.get("configuration", {}).get("Pipeline", {}).get("value") or "{}"
    return _in_order(json.loads(text))


def _tasks(api: Api, ids: list[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    fields = [*STEP_FIELDS, *TIME_FIELDS, "runtime"]
    tasks = api.call("tasks.get_all", id=ids, only_fields=fields, search_hidden=True)["tasks"]
    return {task["id"]: task for task in tasks}


def _step(name: str, task: dict[str, Any], run_id: str) -> Step:
    if not task:
        return Step(name)
    cached = task.get("parent") != run_id
    return Step(
        name,
        task["id"],
        "cached" if cached else task["status"],
        failure_of(task),
        0.0 if cached else _seconds(task),
        {key: item.get("value", "") for key, item in task.get("hyperparams", {}).get("return", {}).items()},
        str(task.get("runtime", {}).get("progress_text", "")),
        "" if cached else task.get("started") or "",
        task.get("status_changed") or "",
        task.get("last_update") or "",
        (task.get("execution") or {}).get("queue") or "",
        bool(task.get("runtime", {}).get("failure")),
    )


def failure_of(task: dict[str, Any]) -> str:
    """Return why the Task failed or stopped: its own error if it has one, else the backend's."""
    message, reason = task.get("status_message") or "", task.get("status_reason") or ""
    if message.startswith(BY_AGENT):
        message = f"{reason} on {message.removeprefix(BY_AGENT)}"
        if reason.endswith(KILLED):
            message += ": it was killed, as happens where memory runs short"
    return str(task.get("runtime", {}).get("failure") or message or reason)


def _seconds(task: dict[str, Any]) -> float:
    if not task.get("started"):
        return 0.0
    end = datetime.fromisoformat(task["completed"]) if task.get("completed") else datetime.now(UTC)
    return max(0.0, round((end - datetime.fromisoformat(task["started"])).total_seconds(), 1))
