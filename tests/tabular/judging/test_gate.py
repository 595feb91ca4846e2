"""The gate's rules, and models made worse in one respect each."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clearml_flows.tabular.judging.calibration import calibration_facts
from clearml_flows.tabular.judging.gate import (
    calibration_rule,
    full_metric,
    minimum_rule,
    origin_rules,
    production_rule,
    segment_rule,
    verdict,
)
from clearml_flows.tabular.judging.metrics import binary_metrics
from clearml_flows.tabular.judging.segments import segment_table

METRICS = {"test_roc_auc": 0.85, "test_f1_score": 0.63, "test_brier": 0.14}
RNG = np.random.default_rng(0)
P = RNG.beta(1, 2.5, 3000)
Y = (RNG.random(3000) < P).astype(int)
ROWS = pd.DataFrame({"contract": RNG.choice(["monthly", "yearly", "none"], 3000, p=[0.83, 0.16, 0.01])})


def gate(p: Any, production: Any = None) -> tuple[bool, str]:
    """The verdict over made-up rows, with the settings' defaults."""
    metrics, before = (
        None if one is None else {f"test_{name}": value for name, value in binary_metrics(Y, one, 0.3).items()}
        for one in (p, production)
    )
    assert metrics
    table = segment_table(Y, p, 0.3, ROWS, [{"column": "contract"}], 100)
    rules = [
        minimum_rule(metrics, "test_roc_auc", 0.65),
        production_rule(metrics, before, "test_roc_auc", 0.005, None, ""),
        calibration_rule(calibration_facts(Y, p, 0), 0.05),
        segment_rule(table, metrics["test_roc_auc"], 0.6, 0.2),
    ]
    return verdict(rules, False)


def in_one_segment(name: str) -> Any:
    """The scores, drawn anew among the customers of one contract."""
    inside = np.flatnonzero(ROWS["contract"] == name)
    p = P.copy()
    p[inside] = p[RNG.permutation(inside)]
    return p


def test_a_good_model_goes_in_and_all_rules_are_told() -> None:
    promoted, reason = gate(P, P)
    assert promoted
    for words in ("meets 0.65", "holds against production's", "is within 0.05", "none of 2 segments collapses"):
        assert words in reason


def test_a_model_of_noise_fails_every_rule_and_all_are_named() -> None:
    promoted, reason = gate(RNG.random(3000), P)
    assert not promoted
    for words in ("below the minimum 0.65", "worse than production's", "calibration error", "contract monthly 0."):
        assert words in reason
    assert reason.count("; ") == 3


def test_probabilities_that_are_too_low_are_refused_though_the_ranking_is_the_same() -> None:
    promoted, reason = gate(P**2, P)
    assert not promoted
    assert reason.startswith("calibration error 0.1")
    assert "mean prediction 0.1" in reason
    assert ";" not in reason


def test_a_segment_that_collapses_is_refused_by_name() -> None:
    promoted, reason = gate(in_one_segment("yearly"))
    assert not promoted
    assert reason.startswith("roc_auc collapses below 0.6000 for contract yearly 0.")
    assert ";" not in reason


@pytest.mark.parametrize(("high", "passed"), [(0.6, True), (0.5999, False)])
def test_a_segment_collapses_only_if_the_whole_interval_is_below_the_limit(high: float, passed: bool) -> None:
    table = [{"segment": "contract yearly", "roc_auc": 0.55, "high": high}]
    assert segment_rule(table, 0.7, 0.6, 0.2)["passed"] is passed
    assert segment_rule(table, 0.85, 0.3, 0.25)["passed"] is passed


def test_a_segment_of_few_rows_is_not_judged() -> None:
    assert gate(in_one_segment("none"))[0]


def test_what_few_rows_make_by_chance_does_not_count() -> None:
    facts = calibration_facts(Y[:60], P[:60], 0)
    assert facts["expected_calibration_error"] > 0.05
    rule = calibration_rule(facts, 0.05)
    assert rule["passed"]
    assert "but on so few rows chance alone makes up to" in rule["why"]


@pytest.mark.parametrize(
    ("metric", "minimum", "passed", "words"),
    [
        ("test_roc_auc", 0.85, True, "0.8500 meets 0.85"),
        ("test_roc_auc", 0.86, False, "0.8500 is below the minimum 0.86"),
        ("test_brier", 0.2, True, "0.1400 meets 0.2"),
        ("test_brier", 0.1, False, "0.1400 is above the maximum 0.1"),
    ],
)
def test_minimum(metric: str, minimum: float, passed: bool, words: str) -> None:
    rule = minimum_rule(METRICS, metric, minimum)
    assert (rule["rule"], rule["passed"], rule["why"]) == ("minimum", passed, f"{metric} {words}")


@pytest.mark.parametrize(
    ("metric", "before", "margin", "passed"),
    [
        ("test_roc_auc", 0.86, 0.005, False),
        ("test_roc_auc", 0.86, 0.02, True),
        ("test_roc_auc", 0.84, 0.0, True),
        ("test_brier", 0.13, 0.005, False),
        ("test_brier", 0.15, 0.005, True),
    ],
)
def test_production(metric: str, before: float, margin: float, passed: bool) -> None:
    paired = {"low": -0.01, "high": 0.02, "p_value": 0.4}
    rule = production_rule(METRICS, {**METRICS, metric: before}, metric, margin, paired, "")
    assert rule["passed"] is passed
    assert f"production's {before:.4f} on the same rows" in rule["why"]
    assert "95 % interval -0.0100 to +0.0200, p 0.400" in rule["why"]


def test_a_production_model_that_cannot_be_measured_keeps_others_out() -> None:
    assert production_rule(METRICS, None, "test_roc_auc", 0.0, None, "")["passed"]
    rule = production_rule(METRICS, None, "test_roc_auc", 0.0, None, "its file is gone")
    assert (rule["passed"], rule["why"]) == (False, "its file is gone")


def test_an_unknown_metric_is_refused() -> None:
    assert full_metric(METRICS, "brier") == full_metric(METRICS, "test_brier") == "test_brier"
    with pytest.raises(ValueError, match=r"the gate's metric is 'gini': it can be one of test_brier, test_f1_score"):
        full_metric(METRICS, "gini")


def entry(name: str, *tags: str) -> Any:
    return SimpleNamespace(id=name, data=SimpleNamespace(tags=list(tags), metadata={}))


def test_data_and_history() -> None:
    synthetic, other = entry("new", "synthetic"), entry("old", "production")
    assert [one["passed"] for one in origin_rules(entry("new"), other, [], False)] == [True, True]
    data, history = origin_rules(synthetic, other, [], False)
    assert (data["passed"], history["passed"]) == (False, True)
    assert "never goes into production on a server" in data["why"]


def test_a_model_that_was_rolled_back_stays_out_until_someone_promotes_it() -> None:
    back = {"number": 2, "action": "rollback", "from": "new", "to": "old", "state": "done", "undoes": 1}
    told = {"who": "Ann", "when": "2026-01-02", "why": "complaints"}
    history = origin_rules(entry("new"), entry("old", "production"), [{**back, **told}], True)[1]
    assert not history["passed"]
    assert history["why"] == "it was rolled back on 2026-01-02 by Ann (complaints): promote it by hand if wanted"
    again = {"number": 3, "action": "promote", "from": "old", "to": "new", "state": "done", "undoes": 0}
    assert origin_rules(entry("new"), entry("old"), [{**back, **told}, again], True)[1]["passed"]


def test_the_production_model_stays_and_people_are_told_what_it_fails() -> None:
    bad = minimum_rule(METRICS, "test_roc_auc", 0.9)
    good = minimum_rule(METRICS, "test_roc_auc", 0.8)
    assert verdict([good], True) == (True, "it is the production model already")
    assert verdict([bad], True) == (
        True,
        f"it is the production model already, though by now it would stay out: {bad['why']}",
    )
