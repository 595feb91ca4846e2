"""One ClearML Task per experiment: created at the start, completed with all results."""

import json
import os
import platform
import traceback
from typing import Any

from clearml import Task

from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.library_versions import library_versions
from clearml_flows.tabular.reporting import (
    console_events,
    figure_events,
    send_report,
    series_events,
    single_events,
    value_events,
)
from clearml_flows.tabular.training.experiment_plots import experiment_figures
from clearml_flows.tabular.training.images import confusion_image, fit_image, send_image
from clearml_flows.tabular.training.predictions import write_predictions


def open_experiment(
    client: Any, spec: dict[str, Any], project_id: str, step: Any, facts: dict[str, Any], tags: list[str]
) -> str:
    """Create and start the experiment's Task below the step's, with parameters, code and system.

    Returns:
        The Task's id.
    """
    sections = {"General": {**facts, "family": spec["family"]}, "Estimator": estimator_parameters(spec)}
    hyperparams = {
        section: {name: {"section": section, "name": name, "value": str(value)} for name, value in values.items()}
        for section, values in sections.items()
    }
    system = "\n".join(f"{name}: {value}" for name, value in system_facts().items())
    task_id: str = client.tasks.create(
        name=spec["name"],
        type="training",
        project=project_id,
        parent=step.id,
        tags=[spec["family"], *tags],
        hyperparams=hyperparams,
        configuration={"System": {"name": "System", "type": "text", "value": system}},
        script=step_script(step),
    ).id
    client.tasks.started(task=task_id, status_reason="", status_message="")
    return task_id


def step_script(step: Any) -> dict[str, Any]:
    """Return the code and requirements recorded on the step's Task."""
    recorded = step.data.script.to_dict() if step.data.script else {}
    return {name: value for name, value in recorded.items() if value}


def system_facts() -> dict[str, Any]:
    """Return the Python release, the machine and the library releases of this process."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        **library_versions(),
    }


def estimator_parameters(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the experiment's estimator and parameters as hyperparameters; members as JSON text."""
    parameters = {"estimator": spec.get("estimator") or spec["family"], **(spec.get("params") or {})}
    if spec.get("calibration"):
        parameters["calibration"] = spec["calibration"]
    for number, member in enumerate(spec.get("members") or [], start=1):
        parameters[f"member{number}"] = json.dumps(member, sort_keys=True)
    return parameters


def complete_experiment(client: Any, task_id: str, result: dict[str, Any], path: str) -> str:
    """Report metrics and plots, store artifacts `model` and `out_of_fold`, complete the Task.

    Returns:
        The sha256 of the file of predictions.

    Raises:
        RuntimeError: the backend did not accept all of it.
    """
    send_report(client, task_id, result_events(result))
    y, p, threshold = result["y"], result["out_of_fold"], result["threshold"]
    if threshold is None:
        fit_image(y, p, f"{path}.png")
    else:
        confusion_image(y, p, threshold, f"{path}.png")
    shown = "Predicted against true" if threshold is None else "Confusion"
    send_image(client, task_id, f"{shown}, out of fold", f"{path}.png")
    write_predictions(y, p, threshold, f"{path}.parquet")
    task = Task.get_task(task_id=task_id)
    save_artifact(task, "model", path)
    predictions: str = save_artifact(task, "out_of_fold", f"{path}.parquet")["sha256"]
    client.tasks.completed(task=task_id, status_reason="completed")
    return predictions


def result_events(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Convert a result of `run_experiment` to events: values, folds, figures and console lines."""
    metrics = result["metrics"]
    decided = {} if result["threshold"] is None else {"threshold": result["threshold"]}
    lines = [*result["warnings"], *(f"{name} {value:.4f}" for name, value in {**metrics, **decided}.items())]
    spreads = {name: value for name, value in metrics.items() if name.endswith("_std")}
    means = {name: value for name, value in metrics.items() if name not in spreads}
    return [
        *value_events({**means, **decided}),
        *single_events({**spreads, "cpu_seconds": result["cpu_seconds"]}),
        *series_events(result["fold_metrics"]),
        *figure_events(experiment_figures(result)),
        *console_events(["\n".join(lines)]),
    ]


def fail_experiment(client: Any, task_id: str, error: BaseException) -> None:
    """Mark the experiment's Task as failed with the error, and log the traceback."""
    text = "".join(traceback.format_exception(error))
    send_report(client, task_id, console_events([text]))
    message = f"{type(error).__name__}: {error}"[:1000]
    client.tasks.failed(task=task_id, status_reason=message, status_message=message)
