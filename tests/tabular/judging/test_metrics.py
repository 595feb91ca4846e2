"""Metrics against scikit-learn's, thresholds against a search over all of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from clearml_flows.tabular.judging.metric_names import lower_is_better
from clearml_flows.tabular.judging.metrics import best_threshold, binary_metrics

# Few distinct scores, so that there are ties.
scored_rows = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=4, max_size=40).filter(
    lambda rows: 0 < sum(row[0] for row in rows) < len(rows)
)


def as_arrays(rows: list[tuple[bool, int]]) -> tuple[Any, Any]:
    y, p = zip(*rows, strict=True)
    return np.array(y, dtype=int), np.array(p) / 8


@given(scored_rows)
def test_best_threshold_has_an_f1_near_the_highest_of_all(rows: list[tuple[bool, int]]) -> None:
    y, p = as_arrays(rows)
    best = max(f1_score(y, p >= threshold) for threshold in np.unique(p))
    assert f1_score(y, p >= best_threshold(y, p)) >= 0.97 * best - 1e-12


def test_best_threshold_moves_less_with_the_rows_than_the_highest_point_does() -> None:
    rng = np.random.default_rng(4)
    chosen, highest = [], []
    for _ in range(20):
        p = rng.beta(0.6, 1.6, 5000)
        y = (rng.random(5000) < p).astype(int)
        chosen.append(best_threshold(y, p))
        highest.append(max(np.linspace(0.01, 0.9, 90), key=lambda threshold: f1_score(y, p >= threshold)))
    assert np.std(chosen) < 0.6 * np.std(highest)
    assert np.mean(chosen) == pytest.approx(np.mean(highest), abs=0.03)


def test_best_threshold_lies_between_scores() -> None:
    assert best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_binary_metrics_are_named_as_in_the_vocabulary() -> None:
    y, p = np.array([0, 0, 1, 1, 1]), np.array([0.2, 0.7, 0.4, 0.8, 0.9])
    metrics = binary_metrics(y, p, 0.5)
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["precision"] == metrics["recall"] == metrics["f1_score"] == pytest.approx(2 / 3)
    assert metrics["roc_auc"] == roc_auc_score(y, p)
    assert metrics["average_precision"] == average_precision_score(y, p)
    assert metrics["brier"] == brier_score_loss(y, p)


def test_binary_metrics_where_nothing_is_called_positive() -> None:
    assert binary_metrics(np.array([0, 1]), np.array([0.1, 0.2]), 0.9)["precision"] == 0.0


@pytest.mark.parametrize(
    ("metric", "lower"), [("roc_auc", False), ("cv_f1_score", False), ("brier", True), ("test_brier", True)]
)
def test_lower_is_better(metric: str, lower: bool) -> None:
    assert lower_is_better(metric) == lower
