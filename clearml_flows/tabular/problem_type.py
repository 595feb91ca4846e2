"""Differences between the problem types `classification` (two classes) and `regression`.

`y` holds the true values: 1 or 0, or numbers. `p` holds the predictions: probabilities of 1, or numbers.
Only classes have a `threshold`; for numbers it is None.
"""

from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from clearml_flows.tabular.judging.metrics import best_threshold, binary_metrics, regression_metrics


def target_values(labels: Any, problem_type: str) -> Any:
    """Return the true values: numbers unchanged; of two classes the last in order as 1, else 0.

    The last class is for example Yes, 1 or True.

    Raises:
        ValueError: there are not exactly two classes, or the values are no numbers.
    """
    if problem_type == "regression":
        return np.asarray(labels, dtype="float64")
    classes = np.unique(labels)
    if len(classes) != 2:
        raise ValueError(f"the target has {len(classes)} classes, {', '.join(map(str, classes[:5]))}: it needs two")
    return (labels == classes[1]).astype(int)


def predict_rows(model: Any, features: Any) -> Any:
    """Predict rows with a fitted model: the probability of the last class, or a number."""
    return model.predict_proba(features)[:, 1] if hasattr(model, "classes_") else model.predict(features)


def draw_folds(problem_type: str, folds: int, seed: int) -> Any:
    """Return a splitter into shuffled folds, stratified by class for classification."""
    return (KFold if problem_type == "regression" else StratifiedKFold)(folds, shuffle=True, random_state=seed)


def choose_threshold(y: Any, p: Any, problem_type: str) -> float | None:
    """Return the `best_threshold` of these rows; None for a regression."""
    return None if problem_type == "regression" else best_threshold(y, p)


def row_metrics(y: Any, p: Any, threshold: float | None) -> dict[str, float]:
    """Return `binary_metrics` at the threshold, or `regression_metrics` if it is None."""
    return regression_metrics(y, p) if threshold is None else binary_metrics(y, p, threshold)


def live_metrics(y: Any, p: Any, problem_type: str) -> dict[str, list[float]]:
    """Return the `cv_*` metrics of one fold that need no threshold.

    The threshold is chosen after all folds.
    """
    if problem_type == "regression":
        return {f"cv_{name}": [value] for name, value in regression_metrics(y, p).items()}
    known = binary_metrics(y, p, 0.5)
    return {f"cv_{name}": [known[name]] for name in ("roc_auc", "average_precision", "brier")}
