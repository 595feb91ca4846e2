"""DeLong's variance against its definition over all pairs of rows, and against how areas really scatter."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from clearml_flows.tabular.judging.delong import area_interval, delong, delong_test


def by_definition(y: Any, scores: list[Any]) -> Any:
    """The covariance matrix as the paper defines it: structural components, from every pair of a one and a zero."""
    ones, zeros = y == 1, y == 0
    above, below = [], []
    for p in scores:
        apart = p[ones][:, None] - p[zeros][None, :]
        wins = (apart > 0) + 0.5 * (apart == 0)
        above.append(wins.mean(axis=1))
        below.append(wins.mean(axis=0))
    return np.cov(above) / ones.sum() + np.cov(below) / zeros.sum()


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30), st.integers(2, 50))
def test_areas_and_covariance_are_those_of_the_definition(seed: int, ones: int, zeros: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([1, 0], [ones, zeros]))
    scores = [rng.integers(0, distinct, len(y)) / distinct for _ in range(2)]
    areas, covariance = delong(y, scores)
    assert areas == pytest.approx([roc_auc_score(y, p) for p in scores])
    assert covariance == pytest.approx(by_definition(y, scores), abs=1e-12)


def test_a_worked_example() -> None:
    # Ones score 3, 1 and 4, zeros 0 and 2: they win 2, 1 and 2 of 2 pairs, zeros lose 3 and 2 of 3.
    y, p = np.array([1, 1, 1, 0, 0]), np.array([3, 1, 4, 0, 2])
    areas, covariance = delong(y, [p])
    assert areas[0] == pytest.approx(5 / 6)
    assert covariance[0, 0] == pytest.approx((1 / 12) / 3 + (1 / 18) / 2)


def test_the_interval_holds_the_true_area_about_19_times_of_20() -> None:
    rng, held = np.random.default_rng(0), 0
    y = np.repeat([1, 0], [60, 140])
    for _ in range(400):
        # Normal scores one deviation apart: the true area is Φ(1/√2).
        _, low, high = area_interval(y, rng.normal(0, 1, 200) + y)
        held += low <= 0.760250 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_equal_models_differ_by_chance_about_once_in_20() -> None:
    rng, found = np.random.default_rng(1), 0
    y = np.repeat([1, 0], [60, 140])
    for _ in range(400):
        shared = rng.normal(0, 1, 200) + 1.5 * y
        found += delong_test(y, shared + rng.normal(0, 1, 200), shared + rng.normal(0, 1, 200))["p_value"] < 0.05
    assert 0.02 <= found / 400 <= 0.09


def test_scores_that_rank_alike_do_not_differ() -> None:
    rng = np.random.default_rng(2)
    y, p = rng.integers(0, 2, 100), rng.random(100)
    same = delong_test(y, p, p**3)
    assert (same["difference"], same["p_value"]) == (0.0, 1.0)
    other = delong_test(y, p, 1 - p)
    assert other["difference"] == pytest.approx(2 * roc_auc_score(y, p) - 1)


def test_perfect_scores_have_no_spread() -> None:
    assert area_interval(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])) == (1.0, 1.0, 1.0)
