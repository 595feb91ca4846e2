"""Bootstrap intervals of metrics, and of the difference between two models on the same rows.

`y` holds the true values: 1 or 0, or numbers. A model is `{p, threshold}`: `p` are its probabilities of 1.
If the threshold is None, `p` are predicted numbers.
"""

from typing import Any

import numpy as np


def bootstrap_metrics(y: Any, models: list[dict[str, Any]], rounds: int, seed: int) -> list[dict[str, Any]]:
    """Compute the `row_metrics` of each model as arrays over the bootstrap rounds.

    All models are measured on the same draws, so differences within a round are paired. A round is left out if all
    drawn rows have the same value.
    """
    rng, rows = np.random.default_rng(seed), len(y)
    at_once = max(1, 4_000_000 // rows)  # so that memory does not grow with the test rows
    parts: list[list[dict[str, Any]]] = [[] for _ in models]
    for done in range(0, rounds, at_once):
        drawn = rng.multinomial(rows, np.full(rows, 1 / rows), size=min(at_once, rounds - done))
        drawn = drawn[drawn @ (y == y[0]) < rows] if len(y) else drawn
        for part, model in zip(parts, models, strict=True):
            numbers = model["threshold"] is None
            part.append(
                drawn_errors(y, model["p"], drawn)
                if numbers
                else drawn_metrics(y, model["p"], model["threshold"], drawn)
            )
    return [{name: np.concatenate([one[name] for one in part]) for name in part[0]} for part in parts]


def drawn_metrics(y: Any, p: Any, threshold: float, weights: Any) -> dict[str, Any]:
    """Compute `binary_metrics` for many draws at once.

    `weights` is rounds x rows: how often each row was drawn.
    """
    order = np.argsort(-p, kind="stable")
    # Rows of equal score count as one step of the curves.
    ends = np.flatnonzero(np.diff(p[order], append=-np.inf))
    drawn, positive = weights[:, order], y[order]
    tp = np.cumsum(drawn * positive, axis=1)[:, ends]
    fp = np.cumsum(drawn * (1 - positive), axis=1)[:, ends]
    gained, passed = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
    positives, negatives = tp[:, -1], fp[:, -1]
    called = int((p[order][ends] >= threshold).sum())
    nothing = np.zeros(len(weights), dtype=int)
    true, false = (tp[:, called - 1], fp[:, called - 1]) if called else (nothing, nothing)
    return {
        "accuracy": (true + negatives - false) / (positives + negatives),
        "precision": true / np.maximum(true + false, 1),
        "recall": true / positives,
        "f1_score": 2 * true / (positives + true + false),
        "roc_auc": (passed * (tp - gained / 2)).sum(axis=1) / (positives * negatives),
        "average_precision": (gained * tp / np.maximum(tp + fp, 1)).sum(axis=1) / positives,
        "brier": weights @ (p - y) ** 2 / (positives + negatives),
    }


def drawn_errors(y: Any, p: Any, weights: Any) -> dict[str, Any]:
    """Compute `regression_metrics` for many draws at once; `weights` as in `drawn_metrics`."""
    rows = weights.sum(axis=1)
    squared, mean = weights @ (y - p) ** 2, weights @ y / rows
    # Centred on the mean of all rows: this keeps precision where numbers are large and close together.
    spread = weights @ (y - y.mean()) ** 2 - rows * (mean - y.mean()) ** 2
    return {"r2": 1 - squared / spread, "rmse": np.sqrt(squared / rows), "mae": weights @ np.abs(y - p) / rows}


def percentile_intervals(values: dict[str, Any]) -> dict[str, list[float]]:
    """Return the 95 % interval of each metric over the rounds, as `[low, high]`."""
    return {name: [float(edge) for edge in np.percentile(drawn, [2.5, 97.5])] for name, drawn in values.items()}


def paired_differences(candidate: dict[str, Any], production: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the interval and p-value of candidate less production for each metric.

    `low` and `high` are the ends of the 95 % interval. `p_value` is two-sided: how often chance alone would set equal
    models so far apart.
    """
    found = {}
    for name, values in candidate.items():
        apart = values - production[name]
        low, high = np.percentile(apart, [2.5, 97.5])
        # Add one to each count: a finite number of rounds cannot show a probability of 0.
        less, more = ((np.count_nonzero(side) + 1) / (len(apart) + 1) for side in (apart <= 0, apart >= 0))
        found[name] = {"low": float(low), "high": float(high), "p_value": float(min(1.0, 2 * min(less, more)))}
    return found
