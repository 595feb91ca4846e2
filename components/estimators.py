"""Experiments told as plain values, made into scikit-learn estimators.

An experiment is `{name, family, estimator?, params?, members?, calibration?}`: `estimator` names the class where the
family does not, `members` are the estimators that a vote or a boosting is made of, each `{estimator, params}`.
Every function here may travel with a step.
"""

from typing import Any


def estimator_classes() -> dict[str, Any]:
    """The scikit-learn classifiers that an experiment may name."""
    from sklearn.ensemble import (
        AdaBoostClassifier,
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        VotingClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "AdaBoost": AdaBoostClassifier,
        "DecisionTree": DecisionTreeClassifier,
        "GradientBoosting": GradientBoostingClassifier,
        "HistGradientBoosting": HistGradientBoostingClassifier,
        "KNN": KNeighborsClassifier,
        "LogisticRegression": LogisticRegression,
        "RandomForest": RandomForestClassifier,
        "SVC": SVC,
        "Voting": VotingClassifier,
    }


def make_estimator(spec: dict[str, Any], seed: int) -> Any:
    """The unfitted estimator of an experiment or of one of its members, seeded where it draws random numbers.

    With the calibration `sigmoid`, a sigmoid over its scores, fitted to rows that it has not seen, makes probabilities
    of them. A support vector machine gives scores only, so it always has one.

    Raises:
        ValueError: the experiment names an estimator or a calibration that is not known.
        TypeError: the estimator does not take one of the parameters.
    """
    import inspect

    from sklearn.calibration import CalibratedClassifierCV

    classes = estimator_classes()
    name = spec.get("estimator") or spec["family"]
    if name not in classes:
        raise ValueError(f"no estimator is called {name}: it can be one of {', '.join(classes)}")
    params = dict(spec.get("params") or {})
    if "random_state" in inspect.signature(classes[name]).parameters:
        params.setdefault("random_state", seed)
    members = [make_estimator(member, seed) for member in spec.get("members") or []]
    if name == "Voting":
        params["estimators"] = [(f"member{i}", member) for i, member in enumerate(members, start=1)]
    elif members:
        params["estimator"] = members[0]
    estimator = classes[name](**params)
    calibration = spec.get("calibration") or ("sigmoid" if name == "SVC" else "")
    if calibration not in ("", "sigmoid"):
        raise ValueError(f"no calibration is called {calibration}: it can be sigmoid, or be left out")
    return CalibratedClassifierCV(estimator, method="sigmoid", cv=2, ensemble=False) if calibration else estimator


def make_model(spec: dict[str, Any], numeric: list[str], categorical: list[str], seed: int) -> Any:
    """The unfitted `Pipeline` of an experiment, encoders and scalers inside: all that is learnt from rows."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaler = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numeric", scaler, numeric), ("categorical", encoder, categorical)])
    return Pipeline([("columns", columns), ("estimator", make_estimator(spec, seed))])
