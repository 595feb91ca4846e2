import numpy as np
import pytest

from clearml_flows.tabular.judging.calibration import (
    calibration_error,
    calibration_facts,
    chance_error,
    probability_bins,
    reliability_table,
)

RNG = np.random.default_rng(0)
P = RNG.beta(1, 3, 4000)
Y = (RNG.random(4000) < P).astype(int)


def test_bins_are_of_equal_size_and_keep_equal_probabilities_together() -> None:
    assert np.bincount(probability_bins(P)).tolist() == [400] * 10
    tied = np.array([0.2] * 70 + [0.6] * 30)
    number = probability_bins(tied)
    assert len(set(number[:70])) == len(set(number[70:])) == 1
    assert number[0] != number[-1]
    assert len(set(probability_bins(np.full(20, 0.3)))) == 1


def test_a_probability_on_an_edge_belongs_to_the_bin_above() -> None:
    assert probability_bins(np.array([0.1, 0.2, 0.2, 0.3]), 2).tolist() == [0, 1, 1, 1]


def test_reliability_tells_prediction_and_outcome_of_each_bin() -> None:
    p = np.array([0.1] * 10 + [0.8] * 10)
    y = np.array([1] * 2 + [0] * 8 + [1] * 7 + [0] * 3)
    low, high = reliability_table(y, p)
    assert (low["rows"], low["predicted"], low["observed"]) == (10, pytest.approx(0.1), 0.2)
    assert low["low"] < 0.2 < low["high"]
    assert (high["predicted"], high["observed"]) == (pytest.approx(0.8), 0.7)
    assert calibration_error([low, high]) == pytest.approx(0.1)


def test_the_error_is_small_for_right_probabilities_and_large_for_wrong_ones() -> None:
    right, wrong = calibration_facts(Y, P, 0), calibration_facts(Y, np.sqrt(P), 0)
    assert right["expected_calibration_error"] < right["calibration_error_by_chance"] < 0.04
    assert wrong["expected_calibration_error"] > 0.15
    assert right["brier"] < right["brier_of_the_share"]
    assert wrong["mean_predicted"] - wrong["share_of_positives"] == pytest.approx(
        wrong["expected_calibration_error"], abs=0.01
    )


@pytest.mark.parametrize("rows", [100, 1000])
def test_chance_stays_below_its_bound_19_times_of_20(rows: int) -> None:
    p = P[:rows]
    errors = [calibration_error(reliability_table((RNG.random(rows) < p).astype(int), p)) for _ in range(200)]
    assert 0.9 <= np.mean(np.array(errors) <= chance_error(p, 0)) <= 0.99
