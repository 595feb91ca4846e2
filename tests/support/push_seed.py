"""A little of everything on the embedded backend, made with the SDK and the project's own functions.

`python -m tests.support.push_seed FOLDER` prints what was made as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

from clearml import Task

from clearml_flows.datasets.api import create_dataset_version
from clearml_flows.models.api import promote
from clearml_flows.tabular.registry.entries import project_of
from clearml_flows.tabular.reporting import make_client, send_report, single_events, value_events
from tests.support.churn_models import raw_customers, register


def experiment(client: Any, folder: Path, name: str, score: float, parent: str = "") -> str:
    """A completed Task with parameters, scalars, console, plot, picture and artifacts."""
    import plotly.graph_objects as go

    task = Task.create(project_name="clearml-flows", task_name=name, task_type="training")
    task.add_tags(["experiment", "ünïcode"])
    task.set_parameters({"General/C": score, "General/from": parent or task.id})
    task.set_user_properties(pushed_at="dawn")
    task.set_comment(f"made by {task.id}")
    (folder / "notes.txt").write_text(f"notes of {name}", "utf-8")
    task.upload_artifact("a note, with signs %", folder / "notes.txt", wait_on_upload=True)
    task.upload_artifact("numbers", {"score": score}, wait_on_upload=True)
    logger = task.get_logger()
    for iteration in range(3):
        logger.report_scalar("loss", "train", score / (iteration + 1), iteration)
    logger.report_text(f"a line of {name}")
    logger.report_plotly("curve", "roc", go.Figure(go.Scatter(x=[0, 1], y=[0, score])), iteration=0)
    logger.flush(wait=True)
    send_report(client, task.id, [*value_events({"cv_roc_auc": score}), *single_events({"cv_roc_auc": score})])
    if parent:
        task.set_parent(parent)
    task.mark_started(force=True)
    task.mark_completed(force=True)
    return str(task.id)


def seed(folder: Path) -> dict[str, Any]:
    client = make_client()
    first, second = (folder / f"{name}.csv" for name in ("first", "second"))
    raw_customers(60, 1).to_csv(first, index=False)
    raw_customers(70, 2).to_csv(second, index=False)
    made = create_dataset_version(first, "1.0.0", name="training", key="customerID")
    child = create_dataset_version(second, "1.1.0", name="training", key="customerID")
    one = experiment(client, folder, "logistic one", 0.8)
    two = experiment(client, folder, "logistic two", 0.9, one)
    models = [register(client, strength) for strength in (1.0, 0.1)]
    for model in list(models):
        promote(model)
    models.append(register(client, 1.0, "made-up", ("production", "synthetic")))
    scalar = {"type": "training_stats_scalar", "task": models[0], "metric": "drift", "variant": "psi", "iter": 1}
    client.events.add_batch(requests=[{**scalar, "value": 0.25, "model_event": True, "allow_locked": True}])
    draft = Task.create(project_name="clearml-flows", task_name="a draft")
    running = client.tasks.create(name="under way", type="training", project=project_of(client, "clearml-flows"))
    client.tasks.started(task=running.id)
    elsewhere = client.tasks.create(
        name="names others", type="custom", project=project_of(client, "elsewhere"), comment=f"as {one}"
    )
    return {
        "datasets": [made["id"], child["id"]],
        "experiments": [one, two],
        "models": models,
        "draft": draft.id,
        "running": running.id,
        "elsewhere": elsewhere.id,
    }


if __name__ == "__main__":
    told = seed(Path(sys.argv[1]))
    sys.stdout.write(f"\n{json.dumps(told)}\n")
