"""The learning curve of an experiment: does the metric improve with more rows?"""

import statistics
import warnings
from typing import Any

from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from clearml_flows.tabular.problem_type import (
    choose_threshold,
    draw_folds,
    predict_rows,
    row_metrics,
    target_values,
)
from clearml_flows.tabular.reporting import figure_events, send_report
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.experiment_plots import learning_figure
from clearml_flows.tabular.workers import run_in_processes


def learning_point(
    spec: dict[str, Any],
    rows: Any,
    target: str,
    numeric: list[str],
    categorical: list[str],
    problem_type: str,
    metric: str,
    seed: int,
    share: float,
) -> dict[str, Any]:
    """Fit the experiment to a share of the training rows of three folds and return mean metrics.

    Returns:
        `{rows, train, held_out}`: the fitted rows, the metric on these, and the metric on the held-out fold.
    """
    features, labels = rows[numeric + categorical], rows[target].to_numpy()
    y = target_values(labels, problem_type)
    counts, train, held_out = [], [], []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for inside, fold in draw_folds(problem_type, 3, seed).split(features, labels):
            if share < 1:
                strata = None if problem_type == "regression" else y[inside]
                inside, _ = train_test_split(inside, train_size=share, random_state=seed, stratify=strata)
            unfitted = make_model(spec, numeric, categorical, seed, problem_type)
            p = predict_rows(unfitted.fit(features.iloc[inside], labels[inside]), features)
            threshold = choose_threshold(y[inside], p[inside], problem_type)
            counts.append(len(inside))
            train.append(row_metrics(y[inside], p[inside], threshold)[metric])
            held_out.append(row_metrics(y[fold], p[fold], threshold)[metric])
    means = {"train": statistics.fmean(train), "held_out": statistics.fmean(held_out)}
    return {"rows": round(statistics.fmean(counts)), **means}


def tell_learning_curve(
    client: Any, task_id: str, spec: dict[str, Any], fixed: tuple[Any, ...], metric: str, seed: int, workers: int
) -> None:
    """Compute the experiment's learning curve and report it on its Task, without failed points.

    `fixed` are the rows, the target, the numeric and categorical columns, and the problem type.
    """
    calls = [(spec, *fixed, metric, seed, share) for share in (1.0, 0.5, 0.25, 0.1)]
    points = []
    for _, outcome in run_in_processes(learning_point, calls, workers):
        if isinstance(outcome, BaseException):
            print(f"a point of the learning curve is left out: {type(outcome).__name__}: {outcome}")
        else:
            points.append(outcome)
    if points:
        points.sort(key=lambda point: int(point["rows"]))
        send_report(client, task_id, figure_events({"Learning curve": learning_figure(points, metric)}))
