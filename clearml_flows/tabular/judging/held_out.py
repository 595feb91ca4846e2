"""Report the test metrics of all experiments, after the winner has been judged."""

from pathlib import Path
from typing import Any

from clearml import Task
from clearml.backend_api.session.client import APIError

from clearml_flows.tabular.artifacts import fetch_artifact
from clearml_flows.tabular.judging.evaluation import score_rows
from clearml_flows.tabular.reporting import send_report, value_events
from clearml_flows.tabular.training.model_file import load_model


def tell_test_metrics(
    client: Any, sweep: dict[str, Any], dataset: dict[str, Any], rows: Any, folder: str, max_bytes: int
) -> int:
    """Score each experiment's model on the test rows and report `test_*` metrics on its Task.

    Skips failed experiments, experiments that already have test metrics, and sweeps over another dataset (or {}).
    If a model cannot be scored, the console says why.

    Returns:
        The number of experiments that got metrics.
    """
    ours = sweep.get("dataset", {}).get("sha256") == dataset["sha256"]
    done = [one for one in sweep["experiments"] if one["status"] == "completed"] if ours else []
    told = 0
    for entry in done:
        try:
            reported = Task.get_task(task_id=entry["task_id"]).get_reported_single_values()
            if not any(name.startswith("test_") for name in reported):
                values = experiment_metrics(entry, dataset, rows, folder, max_bytes)
                send_report(client, entry["task_id"], value_events(values))
                told += 1
        except (OSError, RuntimeError, ValueError, APIError) as error:
            print(f"experiment {entry['name']} has no test metrics: {error}")
    return told


def experiment_metrics(
    entry: dict[str, Any], dataset: dict[str, Any], rows: Any, folder: str, max_bytes: int
) -> dict[str, float]:
    """Return the `test_*` metrics of an experiment's model at the threshold from training.

    Raises:
        ValueError: the model's file differs from the one that the sweep stored.
    """
    reference = {"task": entry["task_id"], "artifact": "model", "sha256": entry["model_sha256"]}
    path = fetch_artifact(reference, folder, max_bytes)
    try:
        model = load_model(path, 20 * max_bytes)
    finally:
        Path(path).unlink()
    columns = dataset["numeric"] + dataset["categorical"]
    metrics: dict[str, float] = score_rows(model, rows[columns], rows[dataset["target"]], entry["threshold"])["metrics"]
    return metrics
