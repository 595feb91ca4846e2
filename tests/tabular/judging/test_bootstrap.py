"""Metrics of many draws at once against scikit-learn's; intervals and paired differences where the truth is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.judging.bootstrap import (
    bootstrap_metrics,
    drawn_metrics,
    paired_differences,
    percentile_intervals,
)
from clearml_flows.tabular.judging.metrics import binary_metrics

# Few distinct scores, so that there are ties.
scored_rows = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=4, max_size=40).filter(
    lambda rows: 0 < sum(row[0] for row in rows) < len(rows)
)


def made(rows: int, signal: float = 0.3, seed: int = 1) -> tuple[Any, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    y = np.random.default_rng(0).integers(0, 2, rows)
    return y, {"p": np.clip(y * signal + rng.random(rows) * (1 - signal), 0, 1), "threshold": 0.5}


@given(scored_rows, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.1]))
def test_drawn_metrics_are_those_of_the_rows_drawn(rows: list[tuple[bool, int]], seed: int, threshold: float) -> None:
    y, p = np.array([row[0] for row in rows], dtype=int), np.array([row[1] for row in rows]) / 8
    weights = np.random.default_rng(seed).multinomial(len(y), np.full(len(y), 1 / len(y)), size=1)
    drawn = np.repeat(np.arange(len(y)), weights[0])
    if len(set(y[drawn])) < 2:
        return
    expected = binary_metrics(y[drawn], p[drawn], threshold)
    assert {name: value[0] for name, value in drawn_metrics(y, p, threshold, weights).items()} == pytest.approx(
        expected
    )


def test_intervals_hold_the_metric_and_shrink_with_more_rows() -> None:
    widths = {}
    for rows in (100, 1600):
        y, model = made(rows)
        metrics = binary_metrics(y, model["p"], 0.5)
        intervals = percentile_intervals(bootstrap_metrics(y, [model], 300, seed=3)[0])
        assert all(intervals[name][0] <= value <= intervals[name][1] for name, value in metrics.items())
        assert intervals == percentile_intervals(bootstrap_metrics(y, [model], 300, seed=3)[0])
        widths[rows] = intervals["roc_auc"][1] - intervals["roc_auc"][0]
    assert widths[1600] < widths[100] / 2


def test_a_model_differs_from_itself_in_nothing() -> None:
    y, model = made(200)
    paired = paired_differences(*bootstrap_metrics(y, [model, model], 100, seed=0))
    assert all((one["low"], one["high"], one["p_value"]) == (0.0, 0.0, 1.0) for one in paired.values())


def test_a_better_model_is_told_from_a_worse_one_and_equals_are_not() -> None:
    y, good = made(800, 0.4)
    _, worse = made(800, 0.2)
    _, equal = made(800, 0.4, seed=2)
    draws = bootstrap_metrics(y, [good, worse, equal], 400, seed=0)
    clear, even = paired_differences(*draws[:2])["roc_auc"], paired_differences(draws[0], draws[2])["roc_auc"]
    assert clear["low"] > 0
    assert clear["p_value"] == pytest.approx(2 / 401)
    assert even["low"] < 0 < even["high"]
    assert even["p_value"] > 0.05


def test_pairing_makes_a_difference_surer_than_the_models_are() -> None:
    y, model = made(400)
    shifted = {**model, "p": np.clip(model["p"] + np.random.default_rng(5).normal(0, 0.02, 400), 0, 1)}
    one, other = bootstrap_metrics(y, [model, shifted], 300, seed=0)
    low, high = percentile_intervals(one)["roc_auc"]
    paired = paired_differences(one, other)["roc_auc"]
    assert paired["high"] - paired["low"] < (high - low) / 3
