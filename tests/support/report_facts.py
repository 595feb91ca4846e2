"""A model, its data, its sweep and its evaluation, as the report is made of them."""

from types import SimpleNamespace
from typing import Any

EVIL = "<script>alert('x')</script>|`*"
METRICS = {"test_roc_auc": 0.85, "test_f1_score": 0.63}


def model_entry(**facts: Any) -> Any:
    told = {"version": "3", "sha256": "ab" * 32, "experiment": "e1", "experiment_name": "forest", **facts}
    metadata = {name: {"key": name, "value": value} for name, value in told.items()}
    return SimpleNamespace(id="m1", name="churn", data=SimpleNamespace(metadata=metadata, tags=[]))


def dataset(**changes: Any) -> dict[str, Any]:
    facts = {"id": "d1", "name": "churn", "version": "1.0.0", "sha256": "cd" * 32, "raw_sha256": "ef" * 32}
    columns = {"target": "Churn", "numeric": ["tenure"], "categorical": ["Contract"]}
    return {**facts, **columns, "train_rows": 800, "test_rows": 200, "synthetic": False, **changes}


def experiment(name: str, value: float, std: float = 0.01) -> dict[str, Any]:
    metrics = {"cv_roc_auc": value, "cv_roc_auc_std": std}
    return {"task_id": name, "name": name, "family": "Forest", "status": "completed", "metrics": metrics}


def sweep(*experiments: dict[str, Any]) -> dict[str, Any]:
    failed = {"task_id": "x", "name": "broken", "family": "SVC", "status": "failed", "metrics": {}}
    listed = [*experiments, failed]
    return {"metric": "roc_auc", "count": len(listed), "failed": 1, "best": "forest", "experiments": listed}


def evaluation(**more: Any) -> dict[str, Any]:
    intervals = {"test_roc_auc": [0.83, 0.87]}
    judged = {"promoted": True, "reason": "it meets the minimum", "production": None}
    return {"metrics": METRICS, "intervals": intervals, "threshold": 0.3, **judged, **more}
