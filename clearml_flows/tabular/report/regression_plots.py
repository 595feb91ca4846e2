"""Plots of predicted numbers as plotly figures.

`y` holds the true values. `scores` maps each model's label to its predictions for the same rows.
"""

from typing import Any

import numpy as np

from clearml_flows.tabular.report.plots import make_layout


def fit_figures(y: Any, scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all plots of predicted numbers by title."""
    return {
        "Predicted against true": predicted_figure(y, scores),
        "Residuals": residual_figure(y, scores),
        "Distribution of residuals": residual_histogram(y, scores),
    }


def predicted_figure(y: Any, scores: dict[str, Any]) -> dict[str, Any]:
    """Plot predicted against true values; on the line they are equal."""
    ends = [min(float(y.min()), *(float(p.min()) for p in scores.values()))]
    ends += [max(float(y.max()), *(float(p.max()) for p in scores.values()))]
    points = [make_points(label, y, p) for label, p in scores.items()]
    line = {"type": "scatter", "mode": "lines", "name": "equal", "x": ends, "y": ends, "line": {"dash": "dot"}}
    return {"data": [*points, line], "layout": make_layout("Predicted against true", "true", "predicted")}


def residual_figure(y: Any, scores: dict[str, Any]) -> dict[str, Any]:
    """Plot residuals (true less predicted) against predictions."""
    points = [make_points(label, p, y - p) for label, p in scores.items()]
    return {"data": points, "layout": make_layout("Residuals", "predicted", "true less predicted")}


def residual_histogram(y: Any, scores: dict[str, Any], bins: int = 30) -> dict[str, Any]:
    """Plot a histogram of residuals, in bins of equal width that the models share."""
    residuals = {label: y - p for label, p in scores.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(residuals.values())), bins)
    middles = [round(float(middle), 5) for middle in (edges[:-1] + edges[1:]) / 2]
    bars = [
        {"type": "bar", "name": label, "x": middles, "y": np.histogram(values, edges)[0].tolist()}
        for label, values in residuals.items()
    ]
    return {"data": bars, "layout": make_layout("Distribution of residuals", "true less predicted", "rows")}


def make_points(label: str, x: Any, y: Any, most: int = 2000) -> dict[str, Any]:
    """Build a scatter of at most `most` points, evenly sampled."""
    every = -(-len(x) // most)
    rounded = {axis: [round(float(value), 5) for value in values[::every]] for axis, values in (("x", x), ("y", y))}
    return {"type": "scatter", "mode": "markers", "name": label, "opacity": 0.5, **rounded}
