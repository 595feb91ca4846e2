"""One experiment, computed: cross-validation on the training rows, then one model of all of them.

Every function here may travel with a step, and runs in a worker process.
"""

from typing import Any

# In a step's script all of these are there already, and an import of ours would fail.
if __name__ == "components.experiment":
    from components.artifacts import file_sha256
    from components.estimators import make_model
    from components.metrics import best_threshold, binary_metrics
    from components.model_file import save_model


def run_experiment(
    spec: dict[str, Any],
    rows: Any,
    y: Any,
    numeric: list[str],
    categorical: list[str],
    folds: int,
    seed: int,
    path: str,
) -> dict[str, Any]:
    """Cross-validates the experiment on the training rows, fits it on all of them, writes the model to `path`.

    Returns:
        `metrics` (`cv_*` means, their `_std`, `train_*`), `fold_metrics` (a list for each `cv_*`), `threshold` (highest
        F1 of the out-of-fold probabilities), `out_of_fold` (these probabilities), `sha256` and `warnings`.
    """
    import warnings

    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        p, fold = out_of_fold(spec, rows, y, numeric, categorical, folds, seed)
        threshold = best_threshold(y, p)
        by_fold = fold_metrics(y, p, fold)
        model = make_model(spec, numeric, categorical, seed).fit(rows[numeric + categorical], y)
        fitted = binary_metrics(y, model.predict_proba(rows[numeric + categorical])[:, 1], threshold)
        save_model(model, path)
    return {
        "metrics": {**summarise(by_fold), **{f"train_{name}": value for name, value in fitted.items()}},
        "fold_metrics": by_fold,
        "threshold": threshold,
        "out_of_fold": p,
        "sha256": file_sha256(path),
        "warnings": sorted({f"{warning.category.__name__}: {warning.message}" for warning in caught}),
    }


def out_of_fold(
    spec: dict[str, Any], rows: Any, y: Any, numeric: list[str], categorical: list[str], folds: int, seed: int
) -> tuple[Any, Any]:
    """Each row's probability of being positive, by a model that has not seen the row, and the row's fold."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    features = rows[numeric + categorical]
    p, fold = np.zeros(len(y)), np.zeros(len(y), dtype=int)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, y)
    for number, (fitted_on, held_out) in enumerate(splits):
        model = make_model(spec, numeric, categorical, seed).fit(features.iloc[fitted_on], y[fitted_on])
        p[held_out], fold[held_out] = model.predict_proba(features.iloc[held_out])[:, 1], number
    return p, fold


def fold_metrics(y: Any, p: Any, fold: Any) -> dict[str, list[float]]:
    """Each fold's `cv_*` metrics, at the threshold that is best for the other folds: none has chosen its own."""
    by_fold: dict[str, list[float]] = {}
    for number in range(max(fold) + 1):
        inside = fold == number
        threshold = best_threshold(y[~inside], p[~inside])
        for name, value in binary_metrics(y[inside], p[inside], threshold).items():
            by_fold.setdefault(f"cv_{name}", []).append(value)
    return by_fold


def summarise(by_fold: dict[str, list[float]]) -> dict[str, float]:
    """The mean over the folds of each metric, and beside it, as `<metric>_std`, the standard deviation."""
    import statistics

    summary = {}
    for name, values in by_fold.items():
        summary[name] = statistics.fmean(values)
        summary[f"{name}_std"] = statistics.pstdev(values)
    return summary
