"""Plots of scored rows as plotly figures (plain dictionaries).

`y` is 1 or 0, `p` the probability of 1. `scores` maps each model's label to its `p` for the same rows.
"""

from typing import Any

from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve


def confusion_figure(y: Any, p: Any, threshold: float) -> dict[str, Any]:
    """Plot the confusion matrix at the threshold as a heatmap."""
    called = p >= threshold
    counts = [[int(((y == truth) & (called == call)).sum()) for call in (False, True)] for truth in (0, 1)]
    heat = {
        "type": "heatmap",
        "z": counts,
        "x": ["called negative", "called positive"],
        "y": ["negative", "positive"],
        "text": [[str(count) for count in row] for row in counts],
        "texttemplate": "%{text}",
        "colorscale": "Blues",
        "showscale": False,
    }
    return {"data": [heat], "layout": make_layout(f"Confusion at threshold {threshold:.3f}", "called", "is")}


def roc_figure(y: Any, scores: dict[str, Any]) -> dict[str, Any]:
    """Plot the ROC curves, with the area under each in its label."""
    lines = []
    for label, p in scores.items():
        fpr, tpr, _ = roc_curve(y, p)
        lines.append(make_line(f"{label} (area {roc_auc_score(y, p):.4f})", fpr, tpr))
    lines.append({**make_line("chance", [0.0, 1.0], [0.0, 1.0]), "line": {"dash": "dot"}})
    return {"data": lines, "layout": make_layout("ROC", "false positive rate", "true positive rate")}


def precision_recall_figure(y: Any, scores: dict[str, Any]) -> dict[str, Any]:
    """Plot the precision-recall curves, with each average precision in its label."""
    lines = []
    for label, p in scores.items():
        precision, recall, _ = precision_recall_curve(y, p)
        lines.append(make_line(f"{label} (average {average_precision_score(y, p):.4f})", recall[::-1], precision[::-1]))
    return {"data": lines, "layout": make_layout("Precision and recall", "recall", "precision")}


def calibration_figure(y: Any, scores: dict[str, Any]) -> dict[str, Any]:
    """Plot the share of positives by predicted probability, in ten groups of equal size."""
    lines = []
    for label, p in scores.items():
        share, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
        lines.append({**make_line(label, predicted, share), "mode": "lines+markers"})
    lines.append({**make_line("perfect", [0.0, 1.0], [0.0, 1.0]), "line": {"dash": "dot"}})
    return {"data": lines, "layout": make_layout("Calibration", "predicted probability", "share of positives")}


def make_line(label: str, x: Any, y: Any, points: int = 200) -> dict[str, Any]:
    """Build a line through about `points` of the points, including the first and the last."""
    every = max(1, len(x) // points)
    kept = [*range(0, len(x) - 1, every), len(x) - 1]
    rounded = {axis: [round(float(values[i]), 5) for i in kept] for axis, values in (("x", x), ("y", y))}
    return {"type": "scatter", "mode": "lines", "name": label, **rounded}


def make_layout(title: str, x: str, y: str) -> dict[str, Any]:
    """Build a layout with a title and axis names."""
    return {"title": {"text": title}, "xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
