"""Importances name the columns that matter, stages tell how a boosting came about."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.importance import encoded_owners, feature_importance, stage_scores
from tests.support.customers import CATEGORICAL, NUMERIC, TARGET, make_customers

COLUMNS = NUMERIC + CATEGORICAL


def fit(spec: dict[str, Any], rows: Any) -> Any:
    return make_model(spec, NUMERIC, CATEGORICAL, 0).fit(rows[COLUMNS], rows[TARGET])


def truth(rows: Any) -> Any:
    return (rows[TARGET] == "Yes").to_numpy().astype(int)


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("DecisionTree", "impurity"),
        ("RandomForest", "impurity"),
        ("AdaBoost", "impurity"),
        ("LogisticRegression", "log-odds"),
        ("HistGradientBoosting", "permutation"),
        ("KNN", "permutation"),
        ("SVC", "permutation"),
    ],
)
def test_what_matters_comes_before_what_does_not(family: str, kind: str) -> None:
    rows, unseen = make_customers(400), make_customers(400, seed=1)
    params = {"max_depth": 4} if family == "DecisionTree" else {}
    model = fit({"family": family, "params": params}, rows)
    found = feature_importance(model, model, unseen[COLUMNS], truth(unseen), 0)
    assert found["kind"] == kind
    assert sorted(found["values"]) == sorted(COLUMNS)
    assert list(found["values"].values()) == sorted(found["values"].values(), reverse=True)
    # The churn of these customers has nothing to do with how they pay.
    assert found["values"]["payment"] < min(found["values"]["tenure"], found["values"]["contract"])


def test_impurity_shares_are_those_of_the_columns_before_they_were_encoded() -> None:
    model = fit({"family": "RandomForest", "params": {"n_estimators": 5}}, rows := make_customers(200))
    values = feature_importance(model, model, rows[COLUMNS], truth(rows), 0)["values"]
    own = model.named_steps["estimator"].feature_importances_
    assert sum(values.values()) == pytest.approx(1)
    assert values["tenure"] == own[0]
    assert values["payment"] == pytest.approx(sum(own[-3:]))


def test_a_calibrated_model_is_explained_by_what_is_inside() -> None:
    rows = make_customers(200)
    for family, kind in (("AdaBoost", "impurity"), ("LogisticRegression", "log-odds")):
        model = fit({"family": family, "calibration": "sigmoid"}, rows)
        assert feature_importance(model, model, rows[COLUMNS], truth(rows), 0)["kind"] == kind
    boosted = fit({"family": "AdaBoost", "params": {"n_estimators": 9}, "calibration": "sigmoid"}, rows)
    assert stage_scores(boosted, rows[COLUMNS], truth(rows))["roc_auc"][-1][0] == 9
    linear = fit({"family": "SVC", "params": {"kernel": "linear"}}, rows)
    assert feature_importance(linear, linear, rows[COLUMNS], truth(rows), 0)["kind"] == "permutation"


def test_owners_of_a_table_without_categories() -> None:
    rows = make_customers(60)
    model = make_model({"family": "LogisticRegression"}, NUMERIC, [], 0).fit(rows[NUMERIC], rows[TARGET])
    assert encoded_owners(model) == NUMERIC


@pytest.mark.parametrize("family", ["GradientBoosting", "HistGradientBoosting", "AdaBoost", "RandomForest"])
def test_the_last_stage_is_the_model(family: str) -> None:
    rows = make_customers(150)
    params = {"max_iter" if family.startswith("Hist") else "n_estimators": 53}
    model = fit({"family": family, "params": params}, rows)
    scores = stage_scores(model, rows[COLUMNS], truth(rows), points=10)
    p = model.predict_proba(rows[COLUMNS])[:, 1]
    assert [stage for stage, _ in scores["roc_auc"]] == [1, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 53]
    assert scores["roc_auc"][-1][1] == pytest.approx(roc_auc_score(truth(rows), p))
    assert scores["log_loss"][-1][1] == pytest.approx(log_loss(truth(rows), p))
    assert np.argmax([value for _, value in scores["roc_auc"]]) >= 5


def test_few_stages_are_all_told_and_other_models_have_none() -> None:
    rows = make_customers(100)
    few = fit({"family": "AdaBoost", "params": {"n_estimators": 3}}, rows)
    assert [stage for stage, _ in stage_scores(few, rows[COLUMNS], truth(rows))["log_loss"]] == [1, 2, 3]
    assert stage_scores(fit({"family": "LogisticRegression"}, rows), rows[COLUMNS], truth(rows)) == {}
