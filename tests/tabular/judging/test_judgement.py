"""What is told of two models on the same rows."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clearml_flows.tabular.judging.judgement import (
    judge_models,
    judgement_events,
    judgement_figures,
    judgement_tables,
    judgement_values,
)
from clearml_flows.tabular.judging.metrics import binary_metrics
from clearml_flows.tabular.judging.profit import Prices

RNG = np.random.default_rng(0)
P = RNG.random(400)
Y = (RNG.random(400) < P).astype(int)
ROWS = pd.DataFrame({"contract": RNG.choice(["monthly", "yearly"], 400)})
PRICES = Prices(500.0, 50.0, 0.4)
RULES = [{"rule": "minimum", "passed": True, "why": "it does"}, {"rule": "segments", "passed": False, "why": "no"}]


def scored(p: Any) -> dict[str, Any]:
    metrics = {f"test_{name}": value for name, value in binary_metrics(Y, p, 0.5).items()}
    return {"y": Y, "p": p, "threshold": 0.5, "metrics": metrics}


GOOD, BAD = scored(P), scored((P + 2 * RNG.random(400)) / 3)


def judged(production: dict[str, Any] | None) -> dict[str, Any]:
    return judge_models(GOOD, production, ROWS, [{"column": "contract"}], 50, PRICES, 0.3, 200, 7)


def test_two_models_are_compared_by_two_tests_that_agree() -> None:
    found = judged(BAD)
    bootstrapped = next(one for one in found["comparison"] if one["metric"] == "test_roc_auc")
    delong = found["comparison"][-1]
    assert delong["test"] == "DeLong"
    assert bootstrapped["difference"] == pytest.approx(delong["difference"])
    assert bootstrapped["low"] == pytest.approx(delong["low"], abs=0.02)
    assert bootstrapped["low"] > 0
    assert set(found["production_intervals"]) == set(found["intervals"]) == set(GOOD["metrics"])
    assert found["production_intervals"]["test_roc_auc"][1] < GOOD["metrics"]["test_roc_auc"]


def test_the_same_seed_gives_the_same_and_all_of_it_is_json() -> None:
    assert json.dumps(judged(BAD), allow_nan=False) == json.dumps(judged(BAD), allow_nan=False)
    assert len(json.dumps(judged(BAD))) < 20_000


def test_without_a_production_model_there_is_nothing_to_compare() -> None:
    found = judged(None)
    assert (found["comparison"], found["production_intervals"]) == ([], {})
    assert found["intervals"] == judged(BAD)["intervals"]


def test_values_figures_and_tables() -> None:
    found = judged(BAD)
    values = judgement_values(GOOD, BAD, found, RULES)
    assert (values["gate_minimum"], values["gate_segments"]) == (1.0, 0.0)
    assert values["production_test_roc_auc_low"] < values["production_test_roc_auc"] < values["test_roc_auc_high"]
    assert values["profit"] == found["profit"][0]["profit"]
    assert (values["profit_threshold"], values["profit_at_profit_threshold"]) == (0.3, found["profit"][2]["profit"])
    assert "profit_threshold" not in judgement_values(GOOD, BAD, {**found, "profit_threshold": None}, RULES)
    events = judgement_events(values)
    assert {one["variant"] for one in events if one["metric"] == "Summary"} == set(values)
    plotted = {one["metric"] for one in events} - {"Summary"}
    assert {"test_roc_auc", "production_test_roc_auc", "profit"} <= plotted
    assert not {"test_roc_auc_low", "production_test_brier_high", "gate_minimum"} & plotted
    figures = judgement_figures(GOOD, BAD, PRICES)
    for title in ("ROC", "Precision and recall", "Calibration", "Gain", "Lift", "Profit"):
        assert [line["name"].split(" ")[0] for line in figures[title]["data"]][:2] == ["candidate", "production"]
    tables = judgement_tables(GOOD, found, RULES)
    assert tables["Gate, rules"]["data"][0]["cells"]["values"][1] == ["yes", "no"]
    assert "Comparison with production" in tables
    assert "Comparison with production" not in judgement_tables(GOOD, judged(None), RULES)
