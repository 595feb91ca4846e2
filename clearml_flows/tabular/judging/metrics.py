"""Metrics of predictions, and the decision threshold.

For classes, `y` is 1 for rows of the positive class, else 0, and `p` is the predicted probability of 1. For numbers,
`y` are the true values and `p` the predictions.
"""

from typing import Any

import numpy as np
from sklearn import metrics


def binary_metrics(y: Any, p: Any, threshold: float) -> dict[str, float]:
    """Return classification metrics; rows with `p` at or above the threshold count as positive."""
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
    """Return R², and RMSE and MAE in the target's units."""
    values = {
        "r2": metrics.r2_score(y, p),
        "rmse": metrics.root_mean_squared_error(y, p),
        "mae": metrics.mean_absolute_error(y, p),
    }
    return {name: float(value) for name, value in values.items()}


def best_threshold(y: Any, p: Any) -> float:
    """Return the middle of the thresholds whose F1 on these rows is within 3 % of the best.

    The curve of F1 is flat and ragged at its top, so the position of its maximum is chance. The middle score varies
    little between samples and gives a higher F1 on unseen rows on average.
    """
    scores, group = np.unique(-p, return_inverse=True)
    called = np.cumsum(np.bincount(group))
    true = np.cumsum(np.bincount(group, weights=y))
    f1 = 2 * true / (called + np.sum(y))
    good = np.flatnonzero(f1 >= 0.97 * f1.max())
    middle = good[len(good) // 2]
    # Halfway between the lowest positive score and the next one below.
    below = -scores[middle + 1] if middle + 1 < len(scores) else 0.0
    return float((-scores[middle] + below) / 2)
