"""One experiment, computed: cross-validation on the training rows, then one model of all of them.

Every function here may travel with a step, and runs in a worker process.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from components.artifacts import file_sha256
    from components.estimators import make_model
    from components.metrics import best_threshold, binary_metrics
    from components.model_file import save_model


def run_experiment(
    spec: dict[str, Any],
    rows: Any,
    target: str,
    numeric: list[str],
    categorical: list[str],
    folds: int,
    seed: int,
    path: str,
) -> dict[str, Any]:
    """Cross-validates the experiment on the training rows, fits it on all of them, writes the model to `path`.

    Returns:
        `metrics` (`cv_*` means, their `_std`, `train_*`), `fold_metrics` (a list for each `cv_*`), `y` (1 for positive
        rows, else 0), `out_of_fold` (their probabilities), `threshold` (of these the one with the highest F1), the
        model file's `sha256`, `cpu_seconds`, `warnings`.

    Raises:
        ValueError: the target has not two classes, or the experiment cannot be made.
    """
    import time
    import warnings

    from threadpoolctl import threadpool_limits

    begun = time.process_time()
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        features, labels = rows[numeric + categorical], rows[target].to_numpy()
        y = positive_rows(labels)
        p, fold = out_of_fold(make_model(spec, numeric, categorical, seed), features, labels, folds, seed)
        threshold = best_threshold(y, p)
        by_fold = fold_metrics(y, p, fold)
        model = make_model(spec, numeric, categorical, seed).fit(features, labels)
        fitted = binary_metrics(y, model.predict_proba(features)[:, 1], threshold)
        save_model(model, path)
    return {
        "metrics": {**summarise(by_fold), **{f"train_{name}": value for name, value in fitted.items()}},
        "fold_metrics": by_fold,
        "y": y,
        "out_of_fold": p,
        "threshold": threshold,
        "sha256": file_sha256(path),
        "cpu_seconds": time.process_time() - begun,
        "warnings": sorted({f"{warning.category.__name__}: {warning.message}" for warning in caught}),
    }


def positive_rows(labels: Any) -> Any:
    """1 for the rows of the positive class, else 0. The positive one of two classes is the last in order: Yes, 1, True.

    Raises:
        ValueError: there are not two classes.
    """
    import numpy as np

    classes = np.unique(labels)
    if len(classes) != 2:
        raise ValueError(f"the target has {len(classes)} classes, {', '.join(map(str, classes[:5]))}: it needs two")
    return (labels == classes[1]).astype(int)


def out_of_fold(model: Any, features: Any, labels: Any, folds: int, seed: int) -> tuple[Any, Any]:
    """Each row's probability of being positive, by a model that has not seen the row, and the row's fold."""
    import numpy as np
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    p, fold = np.zeros(len(labels)), np.zeros(len(labels), dtype=int)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, labels)
    for number, (fitted_on, held_out) in enumerate(splits):
        fitted = clone(model).fit(features.iloc[fitted_on], labels[fitted_on])
        p[held_out], fold[held_out] = fitted.predict_proba(features.iloc[held_out])[:, 1], number
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
