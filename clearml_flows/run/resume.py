"""Parameters and completed steps of a run, for a run that resumes it."""

import inspect
from collections.abc import Callable
from typing import Any

from clearml import Task

from clearml_flows.run.snapshot import graph


def parameters_of(run_id: str, flow: Callable[..., None], sections: dict[str, list[str]]) -> dict[str, Any]:
    """Return the run's arguments of the flow, without arguments that the flow no longer has."""
    recorded = Task.get_task(task_id=run_id).get_parameters()
    kinds = {name: parameter.annotation for name, parameter in inspect.signature(flow).parameters.items()}
    places = {name: f"{section}/{name}" for section, names in sections.items() for name in names}
    return {name: _typed(str(recorded[place]), kinds[name]) for name, place in places.items() if place in recorded}


def completed_steps(run_id: str) -> dict[str, str]:
    """Return the Task ids of the run's completed or cached steps by step name."""
    text = Task.get_task(task_id=run_id).get_configuration_object("Pipeline") or "{}"
    nodes = graph({"configuration": {"Pipeline": {"value": text}}})
    made = {name: node["job_id"] for name, node in nodes.items() if node.get("job_id")}
    tasks = Task.get_tasks(task_ids=list(made.values())) if made else []
    done = {task.id for task in tasks if task.status in ("completed", "published")}
    return {name: task_id for name, task_id in made.items() if task_id in done}


def _typed(text: str, kind: type) -> Any:
    """Convert a recorded text to the parameter's type: str, int, float or bool."""
    return text == "True" if kind is bool else kind(text)
