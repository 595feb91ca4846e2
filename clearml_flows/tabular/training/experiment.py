"""Compute one experiment: cross-validate on the training rows, then fit all of them.
They run in a worker process.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from clearml_flows.tabular.artifacts import file_sha256
from clearml_flows.tabular.problem_type import (
    choose_threshold,
    draw_folds,
    live_metrics,
    predict_rows,
    row_metrics,
    target_values,
)
from clearml_flows.tabular.reporting import series_events, stage_events
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.importance import feature_importance, stage_scores
from clearml_flows.tabular.training.live_scores import write_live
from clearml_flows.tabular.training.model_file import save_model


def run_experiment(
    spec: dict[str, Any],
    rows: Any,
    target: str,
    numeric: list[str],
    categorical: list[str],
    problem_type: str,
    folds: int,
    repeats: int,
    seed: int,
    path: str,
) -> dict[str, Any]:
    """Cross-validate the experiment, fit it on all training rows and write the model to `path`.

    After each fold, its scores are added to `<path>.live`; after the first fold, its model's scores by stage too.

    Returns:
        `metrics` (`cv_*` means, their `_std`, `train_*`); `fold_metrics` (a list for each `cv_*`); `y` (true values,
        see `tabular/problem_type.py`); `out_of_fold` (predictions, averaged over the repeats); `threshold` (chosen
        on these, None for numbers); `importance`; the model file's `sha256`; `cpu_seconds`; `warnings`.

    Raises:
        ValueError: the target does not fit the problem type, or the experiment cannot be built.
    """
    begun = time.process_time()
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        features, labels = rows[numeric + categorical], rows[target].to_numpy()
        y = target_values(labels, problem_type)

        def tell_fold(count: int, fitted: Any, held_out: Any, scores: Any) -> None:
            stages = stage_events(fold_stages(fitted, features, y, held_out)) if count == 1 else []
            write_live(
                f"{path}.live", [*stages, *series_events(live_metrics(y[held_out], scores, problem_type), count)]
            )

        unfitted = make_model(spec, numeric, categorical, seed, problem_type)
        p, fold, first = out_of_fold(unfitted, features, labels, problem_type, folds, repeats, seed, tell_fold)
        mean = p.mean(axis=0)
        threshold = choose_threshold(y, mean, problem_type)
        by_fold = fold_metrics(y, p, fold, problem_type)
        model = make_model(spec, numeric, categorical, seed, problem_type).fit(features, labels)
        fitted = row_metrics(y, predict_rows(model, features), threshold)
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


def fitted_folds(model: Any, features: Any, labels: Any, problem_type: str, folds: int, repeats: int, seed: int) -> Any:
    """Yield repeat number, fold number, the model fitted on other folds, and the fold's rows.

    Each repeat draws new folds with its own seed.
    """
    for repeat in range(repeats):
        splits = draw_folds(problem_type, folds, (seed + repeat) % 2**32).split(features, labels)
        for number, (fitted_on, held_out) in enumerate(splits):
            yield repeat, number, clone(model).fit(features.iloc[fitted_on], labels[fitted_on]), held_out


def out_of_fold(
    model: Any,
    features: Any,
    labels: Any,
    problem_type: str,
    folds: int,
    repeats: int,
    seed: int,
    ended: Callable[[int, Any, Any, Any], None] = lambda *_: None,
) -> tuple[Any, Any, Any]:
    """Predict each row with a model that has not seen it.

    After each fold, `ended` gets the fold's number (from 1, counted over the repeats), the model, the fold's rows and
    their predictions.

    Returns:
        Predictions and fold numbers, both repeats x rows, and the model fitted without fold 0 of repeat 0.
    """
    first = None
    p, fold = np.zeros((repeats, len(labels))), np.zeros((repeats, len(labels)), dtype=int)
    for repeat, number, fitted, rows in fitted_folds(model, features, labels, problem_type, folds, repeats, seed):
        p[repeat, rows], fold[repeat, rows] = predict_rows(fitted, features.iloc[rows]), number
        first = fitted if first is None else first
        ended(repeat * folds + number + 1, fitted, rows, p[repeat, rows])
    return p, fold, first


def fold_stages(model: Any, features: Any, y: Any, held_out: Any) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Return the `stage_scores` of a fold's model on its `train` rows and its `held out` rows."""
    parts = {"train": np.delete(np.arange(len(y)), held_out), "held out": held_out}
    return {part: stage_scores(model, features.iloc[rows], y[rows]) for part, rows in parts.items()}


def fold_metrics(y: Any, p: Any, fold: Any, problem_type: str) -> dict[str, list[float]]:
    """Return each fold's `cv_*` metrics.

    A fold's threshold is chosen on the other folds only. `p` and `fold` are repeats x rows; the folds of the first
    repeat come first.
    """
    by_fold: dict[str, list[float]] = {}
    for scores, numbers in zip(p, fold, strict=True):
        for number in range(max(numbers) + 1):
            inside = numbers == number
            threshold = choose_threshold(y[~inside], scores[~inside], problem_type)
            for name, value in row_metrics(y[inside], scores[inside], threshold).items():
                by_fold.setdefault(f"cv_{name}", []).append(value)
    return by_fold


def summarise(by_fold: dict[str, list[float]]) -> dict[str, float]:
    """Return each metric's mean over the folds, and its standard deviation as `<metric>_std`."""
    summary = {}
    for name, values in by_fold.items():
        summary[name] = statistics.fmean(values)
        summary[f"{name}_std"] = statistics.pstdev(values)
    return summary
