"""Create an experiment, a model and a dataset version for `registry_scale.py`.

`registry_templates.py CSV JSON` writes their ids to the file JSON.
"""

import json
import sys
from pathlib import Path

from clearml_flows.datasets.api import create_dataset_version
from clearml_flows.models.versions import open_registry
from clearml_flows.tabular.registry.entries import project_of, register_model
from clearml_flows.tabular.reporting import send_report, value_events

METRICS = ("roc_auc", "average_precision", "f1_score", "accuracy", "precision", "recall", "brier")


def main(csv: Path, answer: Path) -> None:
    """Create the entries on the backend of the settings, and write their ids as JSON."""
    client = open_registry().client
    metrics = {f"{part}_{name}": 0.5 for part in ("cv", "train") for name in METRICS}
    metrics |= {f"cv_{name}_std": 0.01 for name in METRICS}
    facts = {"flow": "churn", "dataset_id": "d" * 32, "dataset_sha256": "ab" * 32, "folds": 5, "repeats": 2}
    values = {name: {"section": "General", "name": name, "value": str(value)} for name, value in facts.items()}
    task = client.tasks.create(
        name="experiment 0",
        type="training",
        project=project_of(client, "clearml-flows/experiments"),
        tags=["RandomForest"],
        hyperparams={"General": values},
        script={"binary": "python", "entry_point": "train.py", "diff": "print('a line of a step')\n" * 400},
    ).id
    client.tasks.started(task=task)
    send_report(client, task, value_events(metrics))
    client.tasks.completed(task=task)
    told = {"sha256": "ab" * 32, "experiment": task, "threshold": 0.5, "reason": "the first", **metrics}
    told |= {f"test_{name}": 0.5 for name in METRICS}
    project = project_of(client, "clearml-flows/models")
    model = register_model(client, "churn", project, "http://127.0.0.1/m.skops", told, ["candidate"], task)
    dataset = create_dataset_version(csv, "1.0.0", name="rows")["id"]
    answer.write_text(json.dumps({"experiment": task, "model": model, "dataset": dataset}), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
