"""What a model's probabilities are worth: metrics, the decision threshold, and how sure the metrics are.

`y` is 1 for the rows of the positive class and 0 for the others, `p` the predicted probability of being positive.
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


def bootstrap_intervals(y: Any, p: Any, threshold: float, rounds: int, seed: int) -> dict[str, list[float]]:
    """The 95 % interval of each of `binary_metrics` as `[low, high]`, over rows drawn anew `rounds` times.

    A round in which one class was not drawn is left out.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=rounds)
    positives = drawn @ y
    values = weighted_metrics(y, p, threshold, drawn[(positives > 0) & (positives < len(y))])
    return {name: [float(edge) for edge in np.percentile(rows, [2.5, 97.5])] for name, rows in values.items()}


def weighted_metrics(y: Any, p: Any, threshold: float, weights: Any) -> dict[str, Any]:
    """`binary_metrics` under many weightings of the rows at once: `weights` is rounds x rows."""
    import numpy as np

    called = p >= threshold
    total, positives = weights.sum(axis=1), weights @ y
    true, claimed = weights @ (y * called), weights @ called
    # Rows of equal score count as one step of the curves.
    scores, group = np.unique(-p, return_inverse=True)
    steps = np.zeros((len(y), len(scores)))
    steps[np.arange(len(y)), group] = 1
    tp = np.cumsum((weights * y) @ steps, axis=1)
    fp = np.cumsum((weights * (1 - y)) @ steps, axis=1)
    gained = np.diff(tp, axis=1, prepend=0)
    passed = np.diff(fp, axis=1, prepend=0)
    return {
        "accuracy": (total - positives - claimed + 2 * true) / total,
        "precision": true / np.maximum(claimed, 1),
        "recall": true / positives,
        "f1_score": 2 * true / (positives + claimed),
        "roc_auc": (passed * (tp - gained / 2)).sum(axis=1) / (positives * (total - positives)),
        "average_precision": (gained * tp / np.maximum(tp + fp, 1)).sum(axis=1) / positives,
        "brier": weights @ (p - y) ** 2 / total,
    }
