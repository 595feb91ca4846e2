"""What a model's predictions are worth: metrics, and the decision threshold.

Of classes `y` is 1 for the rows of the positive class and 0 for the others, `p` the predicted probability of being
positive. Of numbers they are what is true and what was predicted.
Every function here may travel with a step.
"""

from typing import Any


def binary_metrics(y: Any, p: Any, threshold: float) -> dict[str, float]:
    """The metrics of rows scored `p`, those at or above the threshold being called positive."""
    from sklearn import metrics

    called = (p >= threshold).astype(int)
    values = {
        "accuracy": metrics.accuracy_score(y, called),
        "precision": metrics.precision_score(y, called, zero_division=0.0),
        "recall": metrics.recall_score(y, called),
        "f1_score": metrics.f1_score(y, called),
        "roc_auc": metrics.roc_auc_score(y, p),
        "average_precision": metrics.average_precision_score(y, p),
        "brier": metrics.brier_score_loss(y, p),
    }
    return {name: float(value) for name, value in values.items()}


def regression_metrics(y: Any, p: Any) -> dict[str, float]:
    """The metrics of predicted numbers: the share of the variance explained, and errors in the target's own units."""
    from sklearn import metrics

    values = {
        "r2": metrics.r2_score(y, p),
        "rmse": metrics.root_mean_squared_error(y, p),
        "mae": metrics.mean_absolute_error(y, p),
    }
    return {name: float(value) for name, value in values.items()}


def lower_is_better(metric: str) -> bool:
    """Whether less is better for this metric, with or without `cv_`, `train_` or `test_` before its name."""
    return metric.removeprefix("cv_").removeprefix("train_").removeprefix("test_") in {"brier", "rmse", "mae"}


def best_threshold(y: Any, p: Any) -> float:
    """The middle of the thresholds whose F1 on these rows is at most 3 % below the best.

    The curve of F1 is flat and ragged at its top: where its one highest point lies is chance. The middle score of all
    that come near it hardly moves with the rows, and on rows not seen its F1 is the higher one on average.
    """
    import numpy as np

    scores, group = np.unique(-p, return_inverse=True)
    called = np.cumsum(np.bincount(group))
    true = np.cumsum(np.bincount(group, weights=y))
    f1 = 2 * true / (called + np.sum(y))
    good = np.flatnonzero(f1 >= 0.97 * f1.max())
    middle = good[len(good) // 2]
    # Half way between the last score called positive and the next.
    below = -scores[middle + 1] if middle + 1 < len(scores) else 0.0
    return float((-scores[middle] + below) / 2)
