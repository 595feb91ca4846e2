"""Names of metrics, and which of them are errors."""

METRICS = {
    "classification": ("roc_auc", "average_precision", "f1_score", "accuracy", "precision", "recall", "brier"),
    "regression": ("r2", "rmse", "mae"),
}


def lower_is_better(metric: str) -> bool:
    """Return True for an error metric, with or without the prefix `cv_`, `train_` or `test_`."""
    return metric.removeprefix("cv_").removeprefix("train_").removeprefix("test_") in {"brier", "rmse", "mae"}
