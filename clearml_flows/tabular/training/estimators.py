"""Build scikit-learn estimators from experiments given as plain values.

An experiment is `{name, family, estimator?, params?, members?, calibration?}`. `estimator` names the class if it
differs from the family. `members` are the estimators of a vote or a boosting, each `{estimator, params}`.
"""

import inspect
from typing import Any

from sklearn import ensemble, linear_model, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def estimator_classes(problem_type: str) -> dict[str, Any]:
    """Return the scikit-learn estimators that an experiment of this problem type may name."""
    kind = "Regressor" if problem_type == "regression" else "Classifier"
    both = {name: getattr(ensemble, name + kind) for name in ("AdaBoost", "GradientBoosting", "HistGradientBoosting")}
    both |= {name: getattr(ensemble, name + kind) for name in ("RandomForest", "Voting")}
    both |= {"DecisionTree": getattr(tree, f"DecisionTree{kind}"), "KNN": getattr(neighbors, f"KNeighbors{kind}")}
    lines = {"ElasticNet": linear_model.ElasticNet, "Lasso": linear_model.Lasso, "Ridge": linear_model.Ridge}
    regression = {**both, **lines, "SVR": svm.SVR}
    classification = {**both, "LogisticRegression": linear_model.LogisticRegression, "SVC": svm.SVC}
    return dict(sorted((regression if problem_type == "regression" else classification).items()))


def make_estimator(spec: dict[str, Any], seed: int, problem_type: str = "classification") -> Any:
    """Build the unfitted estimator of an experiment or member, with a seed if it is random.

    The calibration `sigmoid` fits a sigmoid to scores of unseen rows and so gives probabilities. A support vector
    classifier always gets it, since it has scores only.

    Raises:
        ValueError: the experiment names an unknown estimator or calibration.
        TypeError: the estimator does not accept a parameter.
    """
    classes = estimator_classes(problem_type)
    name = spec.get("estimator") or spec["family"]
    if name not in classes:
        raise ValueError(f"no estimator of a {problem_type} is called {name}: it can be one of {', '.join(classes)}")
    params = dict(spec.get("params") or {})
    if "random_state" in inspect.signature(classes[name]).parameters:
        params.setdefault("random_state", seed)
    members = [make_estimator(member, seed, problem_type) for member in spec.get("members") or []]
    if name == "Voting":
        params["estimators"] = [(f"member{i}", member) for i, member in enumerate(members, start=1)]
    elif members:
        params["estimator"] = members[0]
    estimator = classes[name](**params)
    calibration = spec.get("calibration") or ("sigmoid" if name == "SVC" else "")
    if calibration not in ("", "sigmoid"):
        raise ValueError(f"no calibration is called {calibration}: it can be sigmoid, or be left out")
    if calibration and problem_type == "regression":
        raise ValueError(f"{name} predicts numbers here: there are no probabilities to calibrate")
    return CalibratedClassifierCV(estimator, method="sigmoid", cv=2, ensemble=False) if calibration else estimator


def make_model(
    spec: dict[str, Any], numeric: list[str], categorical: list[str], seed: int, problem_type: str = "classification"
) -> Any:
    """Build the unfitted `Pipeline` of an experiment, with imputer, scaler and encoder inside.

    Everything that is learnt from rows is in the pipeline.
    """
    scaler = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numeric", scaler, numeric), ("categorical", encoder, categorical)])
    return Pipeline([("columns", columns), ("estimator", make_estimator(spec, seed, problem_type))])
