"""Plotly figures and tables of an experiment's out-of-fold scores and model."""

from typing import Any

from sklearn.metrics import classification_report

from clearml_flows.tabular.judging.metric_names import lower_is_better
from clearml_flows.tabular.report.plots import (
    calibration_figure,
    confusion_figure,
    make_layout,
    make_line,
    precision_recall_figure,
    roc_figure,
)
from clearml_flows.tabular.report.regression_plots import fit_figures
from clearml_flows.tabular.report.sections import mean_interval


def experiment_figures(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all figures of a result of `run_experiment` by title."""
    y, p, threshold, importance = (result[key] for key in ("y", "out_of_fold", "threshold", "importance"))
    important = {f"Feature importance, {importance['kind']}": importance_figure(importance)}
    scores = {"out of fold": p}
    if threshold is None:
        fits = {f"{title}, out of fold": figure for title, figure in fit_figures(y, scores).items()}
        return {**fits, **important}
    return {
        **important,
        "Calibration, out of fold": calibration_figure(y, scores),
        "Classification report, out of fold": classification_table(y, p, threshold),
        "Confusion table, out of fold": confusion_table(y, p, threshold),
        "Confusion, out of fold": confusion_figure(y, p, threshold),
        "Precision and recall, out of fold": precision_recall_figure(y, scores),
        "ROC, out of fold": roc_figure(y, scores),
    }


def table_figure(title: str, header: list[str], rows: list[list[str]]) -> dict[str, Any]:
    """Build a plotly table, which stores its cells by column."""
    table = {
        "type": "table",
        "header": {"values": header},
        "cells": {"values": [list(column) for column in zip(*rows, strict=True)]},
    }
    return {"data": [table], "layout": {"title": {"text": title}}}


def confusion_table(y: Any, p: Any, threshold: float) -> dict[str, Any]:
    """Tabulate how many rows of each class were predicted as which, with shares of the class."""
    rows = []
    for truth, name in ((0, "negative"), (1, "positive")):
        called = int((p[y == truth] >= threshold).sum())
        count = int((y == truth).sum())
        cells = [f"{part} ({part / count:.1%})" for part in (count - called, called)]
        rows.append([name, *cells, str(count)])
    title = f"Confusion at threshold {threshold:.3f}"
    return table_figure(title, ["is", "called negative", "called positive", "rows"], rows)


def classification_table(y: Any, p: Any, threshold: float) -> dict[str, Any]:
    """Tabulate precision, recall and F1 of each class and their means, at the threshold."""
    called = (p >= threshold).astype(int)
    names = ["negative", "positive"]
    report = classification_report(y, called, target_names=names, output_dict=True, zero_division=0.0)
    columns = ["precision", "recall", "f1-score"]
    rows = [
        [name, *(f"{report[name][column]:.4f}" for column in columns), str(int(report[name]["support"]))]
        for name in [*names, "macro avg", "weighted avg"]
    ]
    title = f"Classification report at threshold {threshold:.3f}"
    return table_figure(title, ["class", "precision", "recall", "F1", "rows"], rows)


def importance_figure(importance: dict[str, Any]) -> dict[str, Any]:
    """Plot a result of `feature_importance` as a bar chart of at most 40 columns, largest first."""
    meaning = {
        "impurity": "share of the impurity taken away",
        "log-odds": "spread of what is added to the log-odds",
        "permutation": "ROC-AUC lost when shuffled",
        "permutation, R²": "R² lost when shuffled",
        "sum": "spread of what is added to the prediction",
    }
    shown = list(importance["values"].items())[:40]
    bars = {"type": "bar", "x": [name for name, _ in shown], "y": [round(value, 5) for _, value in shown]}
    return {"data": [bars], "layout": make_layout("Feature importance", "column", meaning[importance["kind"]])}


def learning_figure(points: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Plot the metric on fitted rows and on held-out rows against the number of fitted rows.

    Each point is `{rows, train, held_out}`.
    """
    rows = [float(point["rows"]) for point in points]
    lines = [
        {**make_line(label, rows, [point[key] for point in points]), "mode": "lines+markers"}
        for label, key in (("fitted rows", "train"), ("held out", "held_out"))
    ]
    return {"data": lines, "layout": make_layout("Learning curve", "rows fitted", metric)}


def leaderboard_table(entries: list[dict[str, Any]], metric: str, folds: int, repeats: int) -> dict[str, Any]:
    """Tabulate the experiments of a sweep, best first, with the metric's 95 % interval."""
    sign = 1 if lower_is_better(metric) else -1
    completed = [entry for entry in entries if entry["status"] == "completed"]
    beside = "cv_rmse" if completed and "cv_rmse" in completed[0]["metrics"] else "cv_f1_score"
    rows = []
    for entry in sorted(completed, key=lambda one: (sign * one["metrics"][f"cv_{metric}"], one["name"])):
        values = entry["metrics"]
        low, high = mean_interval(values[f"cv_{metric}"], values[f"cv_{metric}_std"], folds, repeats)
        shown = [f"{values[name]:.4f}" for name in (f"cv_{metric}", f"cv_{metric}_std")]
        rows.append([entry["name"], *shown, f"{low:.4f} to {high:.4f}", f"{values[beside]:.4f}"])
    rows.extend([entry["name"], entry["status"], "", "", ""] for entry in entries if entry not in completed)
    header = ["experiment", f"cv_{metric}", "std over folds", "95 % interval", beside]
    return table_figure(f"{len(entries)} experiments, {repeats} x {folds} folds", header, rows)
