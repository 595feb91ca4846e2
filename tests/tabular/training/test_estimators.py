"""Experiments as plain values become the estimators they name."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from clearml_flows.settings import load
from clearml_flows.tabular.training.estimators import estimator_classes, make_estimator, make_model
from tests.support.customers import CATEGORICAL, NUMERIC, TARGET, make_customers


def test_the_family_names_the_estimator_unless_the_estimator_is_named() -> None:
    plain = make_estimator({"family": "RandomForest", "params": {"n_estimators": 3}}, seed=7)
    assert isinstance(plain, RandomForestClassifier)
    assert (plain.n_estimators, plain.random_state) == (3, 7)
    named = make_estimator({"family": "improved", "estimator": "RandomForest", "params": {"random_state": 1}}, seed=7)
    assert isinstance(named, RandomForestClassifier)
    assert named.random_state == 1


def test_members_make_a_vote_and_a_base() -> None:
    members = [{"estimator": "DecisionTree", "params": {"max_depth": 2}}, {"estimator": "LogisticRegression"}]
    vote = make_estimator({"family": "improved", "estimator": "Voting", "members": members}, seed=0)
    assert [type(member).__name__ for _, member in vote.estimators] == ["DecisionTreeClassifier", "LogisticRegression"]
    boosted = make_estimator({"family": "AdaBoost", "members": members[:1]}, seed=0)
    assert boosted.estimator.max_depth == 2


def test_an_unknown_estimator_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="no estimator of a classification is called Prophet: it can be one of AdaBoost, "
    ):
        make_estimator({"family": "Prophet"}, seed=0)


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(TypeError, match="n_trees"):
        make_estimator({"family": "RandomForest", "params": {"n_trees": 3}}, seed=0)


@pytest.mark.parametrize("name", [name for name in estimator_classes("classification") if name != "Voting"])
def test_every_estimator_gives_probabilities(name: str) -> None:
    rows = make_customers(120)
    features, y = rows[NUMERIC + CATEGORICAL], rows[TARGET] == "Yes"
    p = make_model({"family": name}, NUMERIC, CATEGORICAL, seed=0).fit(features, y).predict_proba(features)
    assert p.shape == (120, 2)
    assert np.allclose(p.sum(axis=1), 1)
    assert p[y, 1].mean() > p[~y, 1].mean() + 0.1


@pytest.mark.parametrize("name", [name for name in estimator_classes("regression") if name != "Voting"])
def test_every_estimator_of_numbers_gives_numbers(name: str) -> None:
    rows = make_customers(120)
    features, y = rows[NUMERIC + CATEGORICAL], 30.0 * (rows[TARGET] == "Yes")
    p = make_model({"family": name}, NUMERIC, CATEGORICAL, 0, "regression").fit(features, y).predict(features)
    assert p.shape == (120,)
    assert p[y > 0].mean() > p[y == 0].mean() + 1


def test_numbers_have_no_calibration_and_no_classifiers() -> None:
    with pytest.raises(ValueError, match="Ridge predicts numbers here: there are no probabilities to calibrate"):
        make_estimator({"family": "Ridge", "calibration": "sigmoid"}, 0, "regression")
    with pytest.raises(ValueError, match="no estimator of a regression is called SVC: it can be one of AdaBoost"):
        make_estimator({"family": "SVC"}, 0, "regression")


@pytest.mark.parametrize("family", ["LogisticRegression", "RandomForest"])
def test_calibration_takes_back_what_class_weights_do_to_probabilities(family: str) -> None:
    rows, unseen = make_customers(600), make_customers(600, seed=1)
    rows = rows.drop(rows[rows[TARGET] == "Yes"].index[::2])
    rare = unseen.drop(unseen[unseen[TARGET] == "Yes"].index[::2])
    spec: dict[str, Any] = {"family": family, "params": {"class_weight": "balanced"}}
    if family == "RandomForest":
        spec["params"] |= {"n_estimators": 30, "max_depth": 4}
    scores = {
        calibration: make_model({**spec, "calibration": calibration}, NUMERIC, CATEGORICAL, seed=0)
        .fit(rows, rows[TARGET])
        .predict_proba(rare)[:, 1]
        for calibration in ("", "sigmoid")
    }
    share = (rare[TARGET] == "Yes").mean()
    assert scores[""].mean() - share > 0.1
    assert scores["sigmoid"].mean() == pytest.approx(share, abs=0.04)
    assert np.corrcoef(scores[""], scores["sigmoid"])[0, 1] > 0.95


def test_an_unknown_calibration_is_named() -> None:
    with pytest.raises(ValueError, match="no calibration is called isotonic: it can be sigmoid"):
        make_estimator({"family": "RandomForest", "calibration": "isotonic"}, seed=0)


def test_a_model_takes_missing_numbers_and_categories_it_has_not_seen() -> None:
    rows = make_customers(60)
    model = make_model({"family": "LogisticRegression"}, NUMERIC, CATEGORICAL, seed=0).fit(rows, rows[TARGET])
    strange = rows.head(3).assign(charge=float("nan"), payment="barter")
    assert np.isfinite(model.predict_proba(strange)).all()


def test_the_experiments_of_the_settings_are_the_promised_ones_and_can_be_made() -> None:
    experiments: list[dict[str, Any]] = [experiment.model_dump() for experiment in load().flow("churn").experiments]
    families = [experiment["family"] for experiment in experiments]
    assert {family: families.count(family) for family in families} == {
        "RandomForest": 5,
        "GradientBoosting": 3,
        "LogisticRegression": 3,
        "SVC": 2,
        "KNN": 2,
        "DecisionTree": 2,
        "AdaBoost": 2,
        "improved": 2,
    }
    for experiment in experiments:
        assert make_model(experiment, NUMERIC, CATEGORICAL, seed=0).named_steps["estimator"].get_params()
        # What class weights and votes of a boosting distort, is calibrated.
        distorted = experiment["family"] == "AdaBoost" or "class_weight" in experiment["params"]
        assert experiment["calibration"] == ("sigmoid" if distorted else "")
