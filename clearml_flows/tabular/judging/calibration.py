"""Calibration of predicted probabilities.

`y` is 1 or 0, `p` the predicted probability of 1.
"""

from typing import Any

import numpy as np
from scipy.stats import binomtest


def probability_bins(p: Any, bins: int = 10) -> Any:
    """Return each row's bin number; bins have about equal rows, equal probabilities share a bin."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, p, side="right")


def reliability_table(y: Any, p: Any, bins: int = 10) -> list[dict[str, Any]]:
    """Return each bin's rows, mean prediction, share of positives and its 95 % Wilson interval."""
    number, table = probability_bins(p, bins), []
    for place in sorted(set(number.tolist())):
        inside = number == place
        rows, true = int(inside.sum()), int(y[inside].sum())
        interval = binomtest(true, rows).proportion_ci(method="wilson")
        shares = {"predicted": float(p[inside].mean()), "observed": true / rows}
        table.append({"rows": rows, **shares, "low": float(interval.low), "high": float(interval.high)})
    return table


def calibration_error(table: list[dict[str, Any]]) -> float:
    """Return the expected calibration error.

    This is the mean gap between prediction and outcome over the bins, weighted by rows.
    """
    rows = sum(one["rows"] for one in table)
    return float(sum(one["rows"] * abs(one["predicted"] - one["observed"]) for one in table) / rows)


def chance_error(p: Any, seed: int, rounds: int = 2000, bins: int = 10) -> float:
    """Return the calibration error that perfect calibration stays below in 19 of 20 cases.

    With few rows it is far from 0. Only an error above it is more than chance.
    """
    variance = np.bincount(probability_bins(p, bins), weights=p * (1 - p))
    gaps = np.random.default_rng(seed).standard_normal((rounds, len(variance))) * np.sqrt(variance)
    return float(np.quantile(np.abs(gaps).sum(axis=1) / len(p), 0.95))


def calibration_facts(y: Any, p: Any, seed: int) -> dict[str, float]:
    """Return Brier scores of model and constant share, calibration errors, and the two means."""
    share = float(y.mean())
    return {
        "brier": float(((p - y) ** 2).mean()),
        "brier_of_the_share": share * (1 - share),
        "expected_calibration_error": calibration_error(reliability_table(y, p)),
        "calibration_error_by_chance": chance_error(p, seed),
        "mean_predicted": float(p.mean()),
        "share_of_positives": share,
    }
