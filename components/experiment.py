"""One experiment, computed: cross-validation on the training rows, then one model of all of them.

Every function here may travel with a step, and runs in a worker process.
"""

from collections.abc import Callable
from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from components.artifacts import file_sha256
    from components.estimators import make_model
    from components.explain import feature_importance, stage_scores
    from components.live import write_live
    from components.metrics import best_threshold, binary_metrics
    from components.model_file import save_model
    from components.reports import series_events, stage_events


def run_experiment(
    spec: dict[str, Any],
    rows: Any,
    target: str,
    numeric: list[str],
    categorical: list[str],
    folds: int,
    repeats: int,
    seed: int,
    path: str,
) -> dict[str, Any]:
    """Cross-validates the experiment on the training rows, fits it on all of them, writes the model to `path`.

    As each fold ends, its scores are written to `<path>.live`; with the first fold's, those by stage of its model.

    Returns:
        `metrics` (`cv_*` means, their `_std`, `train_*`), `fold_metrics` (a list for each `cv_*`), `y` (1 for positive
        rows, else 0), `out_of_fold` (their probabilities, the mean over the repeats), `threshold` (chosen on these),
        `importance`, the model file's `sha256`, `cpu_seconds`, `warnings`.

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

        def tell_fold(count: int, fitted: Any, held_out: Any, scores: Any) -> None:
            stages = stage_events(fold_stages(fitted, features, y, held_out)) if count == 1 else []
            write_live(f"{path}.live", [*stages, *series_events(ranking_metrics(y[held_out], scores), count)])

        unfitted = make_model(spec, numeric, categorical, seed)
        p, fold, first = out_of_fold(unfitted, features, labels, folds, repeats, seed, tell_fold)
        mean = p.mean(axis=0)
        threshold = best_threshold(y, mean)
        by_fold = fold_metrics(y, p, fold)
        model = make_model(spec, numeric, categorical, seed).fit(features, labels)
        fitted = binary_metrics(y, model.predict_proba(features)[:, 1], threshold)
        save_model(model, path)
        held_out = fold[0] == 0
        importance = feature_importance(model, first, features[held_out], y[held_out], seed)
    return {
        "metrics": {**summarise(by_fold), **{f"train_{name}": value for name, value in fitted.items()}},
        "fold_metrics": by_fold,
        "y": y,
        "out_of_fold": mean,
        "threshold": threshold,
        "importance": importance,
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


def fitted_folds(model: Any, features: Any, labels: Any, folds: int, repeats: int, seed: int) -> Any:
    """Yields the number of the repeat, that of the fold, the model fitted to the other folds, and the fold's rows.

    Each repeat draws stratified folds anew, from a seed of its own.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    for repeat in range(repeats):
        splits = StratifiedKFold(folds, shuffle=True, random_state=(seed + repeat) % 2**32).split(features, labels)
        for number, (fitted_on, held_out) in enumerate(splits):
            yield repeat, number, clone(model).fit(features.iloc[fitted_on], labels[fitted_on]), held_out


def out_of_fold(
    model: Any,
    features: Any,
    labels: Any,
    folds: int,
    repeats: int,
    seed: int,
    ended: Callable[[int, Any, Any, Any], None] = lambda *_: None,
) -> tuple[Any, Any, Any]:
    """Each row's probability of being positive, by a model that has not seen the row, and the row's fold.

    Both are repeats x rows. The third is the model that was fitted without fold 0 of repeat 0. As each fold ends,
    `ended` gets its number from 1, counted over the repeats, the model, the fold's rows, and their probabilities.
    """
    import numpy as np

    first = None
    p, fold = np.zeros((repeats, len(labels))), np.zeros((repeats, len(labels)), dtype=int)
    for repeat, number, fitted, rows in fitted_folds(model, features, labels, folds, repeats, seed):
        p[repeat, rows], fold[repeat, rows] = fitted.predict_proba(features.iloc[rows])[:, 1], number
        first = fitted if first is None else first
        ended(repeat * folds + number + 1, fitted, rows, p[repeat, rows])
    return p, fold, first


def ranking_metrics(y: Any, p: Any) -> dict[str, list[float]]:
    """The `cv_*` metrics of one fold that need no threshold: that is chosen when all folds have ended."""
    known = binary_metrics(y, p, 0.5)
    return {f"cv_{name}": [known[name]] for name in ("roc_auc", "average_precision", "brier")}


def fold_stages(model: Any, features: Any, y: Any, held_out: Any) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The `stage_scores` of a fold's model on the rows that it was fitted to, `train`, and on its `held out` ones."""
    import numpy as np

    parts = {"train": np.delete(np.arange(len(y)), held_out), "held out": held_out}
    return {part: stage_scores(model, features.iloc[rows], y[rows]) for part, rows in parts.items()}


def fold_metrics(y: Any, p: Any, fold: Any) -> dict[str, list[float]]:
    """Each fold's `cv_*` metrics, at the threshold that is best for the other folds: none has chosen its own.

    `p` and `fold` are repeats x rows; the folds of the first repeat come first.
    """
    by_fold: dict[str, list[float]] = {}
    for scores, numbers in zip(p, fold, strict=True):
        for number in range(max(numbers) + 1):
            inside = numbers == number
            threshold = best_threshold(y[~inside], scores[~inside])
            for name, value in binary_metrics(y[inside], scores[inside], threshold).items():
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
