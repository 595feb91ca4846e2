"""What a fitted model goes by, and how it came about: the importance of each column, and scores stage by stage.

Every function here may travel with a step, and runs in a worker process.
"""

from typing import Any


def feature_importance(model: Any, unseeing: Any, features: Any, y: Any, seed: int) -> dict[str, Any]:
    """How much each column of `features` matters to a fitted `Pipeline` of `make_model`.

    Trees tell the share of impurity that a column takes away. Of a logistic regression it is the spread, over the rows,
    of what the column adds to the log-odds, before they are calibrated. Of others it is the ROC-AUC that is lost when
    the column is shuffled: `unseeing` is the same model, fitted without these rows, of which at most 500 are used.

    Returns:
        `{kind, values}`, where values holds a number for each column, the most important first.
    """
    estimator = fitted_estimator(model)
    if hasattr(estimator, "feature_importances_"):
        kind, values = "impurity", impurity_shares(model)
    elif hasattr(estimator, "coef_") and hasattr(estimator, "predict_proba"):
        kind, values = "log-odds", log_odds_spread(model, features)
    else:
        kind, values = "permutation", permutation_loss(unseeing, features, y, seed)
    return {"kind": kind, "values": dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))}


def fitted_estimator(model: Any) -> Any:
    """The estimator of a fitted `Pipeline` of `make_model`; where it is calibrated, the one inside."""
    estimator = model.named_steps["estimator"]
    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    return calibrated[0].estimator if calibrated else estimator


def encoded_owners(model: Any) -> list[str]:
    """For each column that the estimator of a fitted `Pipeline` is given, the rows' column that it was made of."""
    columns = model.named_steps["columns"]
    encoder = columns.named_transformers_["categorical"]
    numeric = list(columns.named_transformers_["numeric"].get_feature_names_out())
    pairs = zip(encoder.feature_names_in_, encoder.categories_, strict=True) if hasattr(encoder, "categories_") else []
    return numeric + [str(name) for name, categories in pairs for _ in categories]


def impurity_shares(model: Any) -> dict[str, float]:
    """The trees' own importances, added up over what was made of a column."""
    shares: dict[str, float] = {}
    for owner, share in zip(encoded_owners(model), fitted_estimator(model).feature_importances_, strict=True):
        shares[owner] = shares.get(owner, 0.0) + float(share)
    return shares


def log_odds_spread(model: Any, features: Any) -> dict[str, float]:
    """The standard deviation over the rows of what each column adds to a linear model's log-odds."""
    added = model[:-1].transform(features) * fitted_estimator(model).coef_[0]
    owners = encoded_owners(model)
    return {
        name: float(added[:, [owner == name for owner in owners]].sum(axis=1).std()) for name in dict.fromkeys(owners)
    }


def permutation_loss(model: Any, features: Any, y: Any, seed: int) -> dict[str, float]:
    """The ROC-AUC that is lost on at most 500 of these rows when a column is shuffled; the mean of three times."""
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import roc_auc_score

    def score(fitted: Any, rows: Any, truth: Any) -> float:
        return float(roc_auc_score(truth, fitted.predict_proba(rows)[:, 1]))

    found = permutation_importance(
        model, features, y, scoring=score, n_repeats=3, random_state=seed, max_samples=min(500, len(y))
    )
    return dict(zip(features.columns, map(float, found.importances_mean), strict=True))


def stage_scores(model: Any, features: Any, y: Any, points: int = 25) -> dict[str, list[tuple[int, float]]]:
    """The scores on these rows after each of about `points` stages of a model: `{metric: [(stage, value)]}`.

    A stage is one of a boosting, or a tree of a forest; it is scored before any calibration. Empty where the estimator
    has neither. The first stage is 1; the last is always there.
    """
    from sklearn.metrics import log_loss, roc_auc_score

    count, stages = staged_probabilities(fitted_estimator(model), model[:-1].transform(features))
    every = max(1, count // points)
    scores: dict[str, list[tuple[int, float]]] = {"log_loss": [], "roc_auc": []} if count else {}
    for stage, p in enumerate(stages, start=1):
        if stage % every == 1 % every or stage == count:
            scores["log_loss"].append((stage, float(log_loss(y, p, labels=[0, 1]))))
            scores["roc_auc"].append((stage, float(roc_auc_score(y, p))))
    return scores


def staged_probabilities(estimator: Any, encoded: Any) -> tuple[int, Any]:
    """How many stages the estimator has, and an iterator over the rows' probabilities of being positive after each."""
    from itertools import accumulate

    from sklearn.ensemble import RandomForestClassifier

    if isinstance(estimator, RandomForestClassifier):
        sums = accumulate(tree.predict_proba(encoded)[:, 1] for tree in estimator.estimators_)
        return len(estimator.estimators_), (total / trees for trees, total in enumerate(sums, start=1))
    if hasattr(estimator, "staged_predict_proba"):
        count = getattr(estimator, "n_iter_", None) or len(estimator.estimators_)
        return count, (p[:, 1] for p in estimator.staged_predict_proba(encoded))
    return 0, ()
