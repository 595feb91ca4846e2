"""Predicted numbers: metrics, folds, intervals, the gate and the report, without classes or a threshold."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from clearml_flows.catalog import schema_text
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.synthetic_wine import synthetic_wines
from clearml_flows.tabular.data.table_schema import load_schema, problem_type_of
from clearml_flows.tabular.judging.bootstrap import bootstrap_metrics, percentile_intervals
from clearml_flows.tabular.judging.gate import GateLimits, result_rules
from clearml_flows.tabular.judging.judgement import (
    judge_models,
    judgement_figures,
    judgement_tables,
    judgement_values,
)
from clearml_flows.tabular.judging.metrics import regression_metrics
from clearml_flows.tabular.judging.profit import Prices
from clearml_flows.tabular.problem_type import choose_threshold, target_values
from clearml_flows.tabular.report.regression_plots import fit_figures, make_points, residual_histogram
from clearml_flows.tabular.report.sections import limits_section, results_section
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.experiment import fold_metrics, out_of_fold, run_experiment, summarise
from clearml_flows.tabular.training.experiment_plots import experiment_figures
from clearml_flows.tabular.training.importance import feature_importance, stage_scores
from clearml_flows.tabular.training.learning_curve import learning_point

SCHEMA = load_schema(schema_text("wine"))
COLUMNS = [column["name"] for column in SCHEMA["columns"] if column["name"] != "quality"]
RIDGE = {"name": "ridge", "family": "Ridge"}
LIMITS = GateLimits("test_r2", 0.2, 0.005, 0.05, 0.6, 0.2)


@pytest.fixture(scope="module")
def wines() -> pd.DataFrame:
    frame: pd.DataFrame = synthetic_wines(400, 3)
    return frame


def score(y: Any, p: Any) -> dict[str, Any]:
    tested = {f"test_{name}": value for name, value in regression_metrics(y, p).items()}
    return {"y": y, "p": p, "threshold": None, "metrics": tested}


def judge(scored: dict[str, Any], production: dict[str, Any] | None = None) -> dict[str, Any]:
    return judge_models(scored, production, None, [], 100, Prices(1.0, 1.0, 1.0), None, 200, 42)


def test_a_target_of_numbers_makes_a_regression() -> None:
    assert problem_type_of(SCHEMA) == "regression"
    assert problem_type_of(load_schema(schema_text("churn"))) == "classification"
    assert target_values(np.array([3, 8]), "regression").tolist() == [3.0, 8.0]
    assert choose_threshold(np.array([3, 8]), np.array([3, 8]), "regression") is None


def test_made_up_wines_are_those_of_the_schema_and_the_seed(wines: pd.DataFrame) -> None:
    assert list(wines.columns) == [column["name"] for column in SCHEMA["columns"]]
    assert wines.equals(synthetic_wines(400, 3))
    assert not wines.equals(synthetic_wines(400, 4))
    assert set(wines["quality"]) <= set(range(3, 9))


def test_an_experiment_is_scored_on_rows_that_it_has_not_seen(wines: pd.DataFrame, tmp_path: Path) -> None:
    data = (wines, "quality", COLUMNS, list[str](), "regression")
    found, again = (run_experiment(RIDGE, *data, 4, 2, 42, str(tmp_path / name)) for name in ("a.skops", "b.skops"))
    assert found["metrics"] == again["metrics"]
    assert found["sha256"] == again["sha256"]
    assert found["threshold"] is None
    assert set(found["fold_metrics"]) == {"cv_r2", "cv_rmse", "cv_mae"}
    assert len(found["fold_metrics"]["cv_r2"]) == 8
    assert 0.2 < found["metrics"]["cv_r2"] < found["metrics"]["train_r2"] < 0.6
    y, p = found["y"], found["out_of_fold"]
    assert found["metrics"]["cv_rmse"] == pytest.approx(reference.root_mean_squared_error(y, p), abs=0.05)
    live = (tmp_path / "a.skops.live").read_text().splitlines()
    assert {json.loads(line)["metric"] for line in live} == {"cv_r2", "cv_rmse", "cv_mae"}
    assert set(experiment_figures(found)) == {
        "Feature importance, sum",
        "Predicted against true, out of fold",
        "Residuals, out of fold",
        "Distribution of residuals, out of fold",
    }


def test_labels_without_meaning_leave_nothing_to_find(wines: pd.DataFrame) -> None:
    y = np.random.default_rng(5).permutation(wines["quality"].to_numpy())
    model = make_model({"family": "RandomForest", "params": {"n_estimators": 20}}, COLUMNS, [], 42, "regression")
    p, fold, _ = out_of_fold(model, wines[COLUMNS], y, "regression", 5, 1, 42)
    assert summarise(fold_metrics(y.astype(float), p, fold, "regression"))["cv_r2"] < 0.05


@pytest.mark.parametrize(
    ("family", "kind"),
    [("Ridge", "sum"), ("RandomForest", "impurity"), ("KNN", "permutation, R²"), ("SVR", "permutation, R²")],
)
def test_what_a_model_goes_by_is_told(wines: pd.DataFrame, family: str, kind: str) -> None:
    model = make_model({"family": family}, COLUMNS, [], 42, "regression").fit(wines[COLUMNS], wines["quality"])
    importance = feature_importance(model, model, wines[COLUMNS], wines["quality"].to_numpy(), 42)
    assert importance["kind"] == kind
    assert next(iter(importance["values"])) == "alcohol"


@pytest.mark.parametrize("family", ["RandomForest", "GradientBoosting", "HistGradientBoosting", "AdaBoost"])
def test_the_last_stage_is_the_model_itself(wines: pd.DataFrame, family: str) -> None:
    model = make_model({"family": family}, COLUMNS, [], 42, "regression").fit(wines[COLUMNS], wines["quality"])
    stages = stage_scores(model, wines[COLUMNS], wines["quality"].to_numpy())
    assert set(stages) == {"rmse", "r2"}
    expected = reference.r2_score(wines["quality"], model.predict(wines[COLUMNS]))
    assert stages["r2"][-1][1] == pytest.approx(expected)


def test_more_rows_make_a_better_model(wines: pd.DataFrame) -> None:
    data = (wines, "quality", COLUMNS, list[str](), "regression")
    few, many = (learning_point(RIDGE, *data, "rmse", 42, share) for share in (0.1, 1.0))
    assert few["rows"] < many["rows"]
    assert few["held_out"] > many["held_out"]


def test_each_draw_of_the_bootstrap_has_the_metrics_of_its_rows() -> None:
    rng = np.random.default_rng(0)
    y = 1e6 + rng.normal(size=60)
    p = y + rng.normal(scale=0.5, size=60)
    drawn = bootstrap_metrics(y, [{"p": p, "threshold": None}], 50, 7)[0]
    weights = np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60), size=50)
    for number in (0, 17, 49):
        rows = np.repeat(np.arange(60), weights[number])
        for name, value in regression_metrics(y[rows], p[rows]).items():
            assert drawn[name][number] == pytest.approx(value, abs=1e-6)
    low, high = percentile_intervals(drawn)["rmse"]
    assert low < reference.root_mean_squared_error(y, p) < high


def test_the_judgement_of_numbers_tells_residuals_and_no_classes() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=200)
    scored, worse = score(y, y + rng.normal(scale=0.3, size=200)), score(y, y + rng.normal(scale=0.9, size=200))
    judged = judge(scored, worse)
    assert set(judged) == {"intervals", "comparison", "production_intervals", "residuals"}
    assert [one["metric"] for one in judged["comparison"]] == ["test_r2", "test_rmse", "test_mae"]
    assert judged["comparison"][0]["low"] > 0
    assert judged["residuals"]["mean"] == pytest.approx((y - scored["p"]).mean())
    assert 0 < judged["residuals"]["share_within_half"] < 1
    rules = result_rules(scored, worse, judged, "", LIMITS)
    assert [(one["rule"], one["passed"]) for one in rules] == [("minimum", True), ("production", True)]
    values = judgement_values(scored, worse, judged, rules)
    assert values["residual_standard_deviation"] == judged["residuals"]["standard_deviation"]
    assert "threshold" not in values
    assert set(judgement_figures(scored, worse, Prices(1.0, 1.0, 1.0))) == set(fit_figures(y, {"one": y}))
    assert set(judgement_tables(scored, judged, rules)) == {
        "Gate, rules",
        "Comparison with production",
        "Residuals, true less predicted",
    }
    json.dumps([judged, values, rules], allow_nan=False)


def test_an_error_must_be_below_its_limit() -> None:
    y = np.arange(10.0)
    scored = score(y, y + 1)
    for minimum, passed in ((0.5, False), (1.5, True)):
        rules = result_rules(scored, None, judge(scored), "", replace(LIMITS, metric="rmse", minimum=minimum))
        assert rules[0]["passed"] is passed
    with pytest.raises(ValueError, match="it can be one of test_mae, test_r2, test_rmse"):
        result_rules(scored, None, judge(scored), "", replace(LIMITS, metric="test_roc_auc"))


def test_the_report_speaks_of_numbers() -> None:
    y = np.arange(10.0)
    scored = score(y, y + 1)
    evaluation = {**judge(scored), "metrics": scored["metrics"], "threshold": None, "production": None}
    assert "threshold" not in json.dumps(results_section(evaluation))
    told = json.dumps(limits_section({"test_rows": 10}, evaluation))
    assert "for test_r2 it is" in told
    assert "customers" not in told


def test_plots_have_a_bounded_number_of_points() -> None:
    y = np.random.default_rng(2).normal(size=5001)
    assert len(make_points("p", y, y)["x"]) <= 2000
    histogram = residual_histogram(y, {"one": y + 1, "other": y})
    assert [sum(bars["y"]) for bars in histogram["data"]] == [5001, 5001]


def test_real_wines_reach_the_reference(data_folder: Path) -> None:
    rows = pd.read_csv(data_folder / "winequality-red.csv")
    forest = {"family": "RandomForest", "params": {"n_estimators": 100, "max_features": 0.35}}
    y = rows["quality"].to_numpy(dtype="float64")
    model = make_model(forest, COLUMNS, [], 42, "regression")
    p, fold, _ = out_of_fold(model, rows[COLUMNS], y, "regression", 5, 1, 42)
    found = summarise(fold_metrics(y, p, fold, "regression"))
    assert found["cv_r2"] == pytest.approx(0.50, abs=0.015)
    assert found["cv_rmse"] == pytest.approx(0.57, abs=0.01)


def test_rows_of_numbers_are_split_by_the_seed_alone(wines: pd.DataFrame) -> None:
    train, test = split_rows(wines, SCHEMA, 0.2, 42)
    assert (len(train), len(test)) == (320, 80)
    assert not set(train.index) & set(test.index)
