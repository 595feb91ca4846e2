"""Importance of each column for a fitted model, and its scores by stage.
They run in a worker process.
"""

from itertools import accumulate
from typing import Any

from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, r2_score, roc_auc_score, root_mean_squared_error

from clearml_flows.tabular.problem_type import predict_rows


def feature_importance(model: Any, unseeing: Any, features: Any, y: Any, seed: int) -> dict[str, Any]:
    """Return the importance of each column of `features` for a `Pipeline` of `make_model`.

    - Trees: the share of impurity that a column removes.
    - Linear models: the standard deviation over the rows of the column's contribution to the log-odds (before
      calibration) or to the number.
    - Others: the ROC-AUC or R² lost when the column is shuffled. Uses `unseeing`, the same model fitted without
      these rows, and at most 500 rows.

    Returns:
        `{kind, values}`; `values` maps each column to a number, largest first.
    """
    estimator = fitted_estimator(model)
    if hasattr(estimator, "feature_importances_"):
        kind, values = "impurity", impurity_shares(model)
    elif linear_weights(estimator) is not None:
        kind = "log-odds" if hasattr(estimator, "classes_") else "sum"
        values = linear_spread(model, features)
    else:
        kind = "permutation" if hasattr(estimator, "classes_") else "permutation, R²"
        values = permutation_loss(unseeing, features, y, seed)
    return {"kind": kind, "values": dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))}


def fitted_estimator(model: Any) -> Any:
    """Return the estimator of a fitted `Pipeline`, without its calibration."""
    estimator = model.named_steps["estimator"]
    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    return calibrated[0].estimator if calibrated else estimator


def encoded_owners(model: Any) -> list[str]:
    """Return the source column of each encoded column in a fitted `Pipeline`."""
    columns = model.named_steps["columns"]
    encoder = columns.named_transformers_["categorical"]
    numeric = list(columns.named_transformers_["numeric"].get_feature_names_out())
    pairs = zip(encoder.feature_names_in_, encoder.categories_, strict=True) if hasattr(encoder, "categories_") else []
    return numeric + [str(name) for name, categories in pairs for _ in categories]


def impurity_shares(model: Any) -> dict[str, float]:
    """Sum the trees' importances over the encoded columns of each source column."""
    shares: dict[str, float] = {}
    for owner, share in zip(encoded_owners(model), fitted_estimator(model).feature_importances_, strict=True):
        shares[owner] = shares.get(owner, 0.0) + float(share)
    return shares


def linear_weights(estimator: Any) -> Any:
    """Return a linear model's weight of each column; None for any other model."""
    adds_up = hasattr(estimator, "predict_proba") or not hasattr(estimator, "classes_")
    # A support vector machine has weights only with a linear kernel; a classifier's do not make log-odds.
    weights = getattr(estimator, "coef_", None) if adds_up else None
    return None if weights is None else weights.reshape(-1)


def linear_spread(model: Any, features: Any) -> dict[str, float]:
    """Return each column's contribution to a linear model: its standard deviation over the rows."""
    added = model[:-1].transform(features) * linear_weights(fitted_estimator(model))
    owners = encoded_owners(model)
    return {
        name: float(added[:, [owner == name for owner in owners]].sum(axis=1).std()) for name in dict.fromkeys(owners)
    }


def permutation_loss(model: Any, features: Any, y: Any, seed: int) -> dict[str, float]:
    """Return the ROC-AUC or R² lost when a column is shuffled.

    This is the mean of three shuffles on at most 500 rows.
    """
    measure = roc_auc_score if hasattr(model, "classes_") else r2_score

    def score(fitted: Any, rows: Any, truth: Any) -> float:
        return float(measure(truth, predict_rows(fitted, rows)))

    found = permutation_importance(
        model, features, y, scoring=score, n_repeats=3, random_state=seed, max_samples=min(500, len(y))
    )
    return dict(zip(features.columns, map(float, found.importances_mean), strict=True))


def stage_scores(model: Any, features: Any, y: Any, points: int = 25) -> dict[str, list[tuple[int, float]]]:
    """Score about `points` stages of a model on these rows: `{metric: [(stage, value)]}`.

    A stage is an iteration of a boosting or a tree of a forest. It is scored before calibration, by `stage_metrics`.
    Returns {} for other estimators. The first stage is 1; the last one is always included.
    """
    estimator = fitted_estimator(model)
    count, stages = staged_predictions(estimator, model[:-1].transform(features))
    every = max(1, count // points)
    scores: dict[str, list[tuple[int, float]]] = {}
    for stage, p in enumerate(stages, start=1):
        if stage % every == 1 % every or stage == count:
            for name, value in stage_metrics(y, p, hasattr(estimator, "classes_")).items():
                scores.setdefault(name, []).append((stage, value))
    return scores


def stage_metrics(y: Any, p: Any, of_classes: bool) -> dict[str, float]:
    """Return log loss and ROC-AUC of probabilities, or RMSE and R² of numbers."""
    if of_classes:
        return {"log_loss": float(log_loss(y, p, labels=[0, 1])), "roc_auc": float(roc_auc_score(y, p))}
    return {"rmse": float(root_mean_squared_error(y, p)), "r2": float(r2_score(y, p))}


def staged_predictions(estimator: Any, encoded: Any) -> tuple[int, Any]:
    """Return the number of stages and an iterator over the predictions after each stage."""
    if type(estimator).__name__ in ("RandomForestClassifier", "RandomForestRegressor"):
        sums = accumulate(predict_tree(tree, encoded) for tree in estimator.estimators_)
        return len(estimator.estimators_), (total / trees for trees, total in enumerate(sums, start=1))
    if not hasattr(estimator, "staged_predict"):
        return 0, ()
    count = getattr(estimator, "n_iter_", None) or len(estimator.estimators_)
    if hasattr(estimator, "staged_predict_proba"):
        return count, (p[:, 1] for p in estimator.staged_predict_proba(encoded))
    return count, estimator.staged_predict(encoded)


def predict_tree(tree: Any, encoded: Any) -> Any:
    """Predict with one tree of a forest: the probability of the last class, or a number."""
    return tree.predict_proba(encoded)[:, 1] if hasattr(tree, "predict_proba") else tree.predict(encoded)
