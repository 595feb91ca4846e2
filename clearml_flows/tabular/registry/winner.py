"""Facts about the winner of a sweep."""

from typing import Any


def winner_of(sweep: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of the sweep's winner.

    Raises:
        ValueError: the sweep used another dataset, or lacks its winner.
    """
    if sweep["dataset"]["sha256"] != dataset["sha256"]:
        raise ValueError(
            f"the sweep was over dataset {sweep['dataset']['id']}, not {dataset['id']}: run train_sweep on this one"
        )
    for entry in sweep["experiments"]:
        if entry["task_id"] == sweep["best"] and entry["status"] == "completed":
            return dict(entry)
    raise ValueError(f"the sweep's best experiment {sweep['best']!r} is not among those that completed")


def model_facts(client: Any, sweep: dict[str, Any], best: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Collect the winner's facts for the registry: origin, features, metrics, reason."""
    metric, value = sweep["metric"], best["metrics"][f"cv_{sweep['metric']}"]
    compared = sweep["count"] - sweep["failed"]
    parameters = client.tasks.get_by_id(task=best["task_id"]).data.hyperparams["Estimator"]
    return {
        "sha256": best["model_sha256"],
        "experiment": best["task_id"],
        "experiment_name": best["name"],
        "family": best["family"],
        "parameters": {name: item.value for name, item in parameters.items()},
        **({} if best["threshold"] is None else {"threshold": best["threshold"]}),
        "dataset_id": dataset["id"],
        "dataset_sha256": dataset["sha256"],
        "synthetic": dataset["synthetic"],
        "features": {key: dataset[key] for key in ("target", "problem_type", "numeric", "categorical")},
        "reason": f"{best['name']} has the best cv_{metric}, {value:.4f}, of {compared} experiments",
        **best["metrics"],
    }


def code_commit(client: Any, task_id: str) -> str:
    """Return the code's commit from the step's Task or its nearest ancestor, else empty."""
    while task_id:
        task = client.tasks.get_by_id(task=task_id).data
        if task.script and task.script.version_num:
            return str(task.script.version_num)
        task_id = task.parent or ""
    return ""
