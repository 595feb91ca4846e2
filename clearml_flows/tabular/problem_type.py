"""What differs between telling two classes apart, `classification`, and predicting a number, `regression`.

Elsewhere `y` is what is true of a row and `p` what a model says of it: 1 or 0 and the probability of 1, or two numbers.
Only classes have a `threshold`; of numbers it is None. Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.judging.metrics import best_threshold, binary_metrics, regression_metrics


def target_values(labels: Any, problem_type: str) -> Any:
    """What is true of the rows: numbers as they are; of two classes 1 for the last in order (Yes, 1, True), else 0.

    Raises:
        ValueError: there are not two classes, or no numbers.
    """
    import numpy as np

    if problem_type == "regression":
        return np.asarray(labels, dtype="float64")
    classes = np.unique(labels)
    if len(classes) != 2:
        raise ValueError(f"the target has {len(classes)} classes, {', '.join(map(str, classes[:5]))}: it needs two")
    return (labels == classes[1]).astype(int)


def predict_rows(model: Any, features: Any) -> Any:
    """What a fitted model says of rows: the probability of the last class, or a number."""
    return model.predict_proba(features)[:, 1] if hasattr(model, "classes_") else model.predict(features)


def draw_folds(problem_type: str, folds: int, seed: int) -> Any:
    """Folds of shuffled rows, drawn by the seed; each with about the same share of either class."""
    from sklearn.model_selection import KFold, StratifiedKFold

    return (KFold if problem_type == "regression" else StratifiedKFold)(folds, shuffle=True, random_state=seed)


def choose_threshold(y: Any, p: Any, problem_type: str) -> float | None:
    """The `best_threshold` of these rows; None of numbers."""
    return None if problem_type == "regression" else best_threshold(y, p)


def row_metrics(y: Any, p: Any, threshold: float | None) -> dict[str, float]:
    """The `binary_metrics` of rows whose classes are called at the threshold, the `regression_metrics` without one."""
    return regression_metrics(y, p) if threshold is None else binary_metrics(y, p, threshold)


def live_metrics(y: Any, p: Any, problem_type: str) -> dict[str, list[float]]:
    """The `cv_*` metrics of one fold that need no threshold: that is chosen when all folds have ended."""
    if problem_type == "regression":
        return {f"cv_{name}": [value] for name, value in regression_metrics(y, p).items()}
    known = binary_metrics(y, p, 0.5)
    return {f"cv_{name}": [known[name]] for name in ("roc_auc", "average_precision", "brier")}
