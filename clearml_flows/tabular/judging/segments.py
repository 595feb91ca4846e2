"""Metrics of segments of the rows, such as customers with one type of contract.

A specification is `{column}`, a segment for each value, or `{column, edges}`, a segment for each band of numbers:
below the first edge, from the first to below the second, and so on.
"""

from itertools import pairwise
from typing import Any

import pandas as pd

from clearml_flows.tabular.judging.delong import area_interval


def segment_parts(rows: Any, spec: dict[str, Any], most: int = 30) -> list[tuple[str, Any]]:
    """Return the label and the row mask of each segment of a specification.

    Raises:
        ValueError: the rows lack the column, edges are given for a column without numbers, or it has more than
            `most` values.
    """
    column, edges = spec["column"], spec.get("edges")
    if column not in rows.columns:
        raise ValueError(f"the schema's segments name the column {column!r}, which the test rows lack")
    values = rows[column]
    if edges:
        if not pd.api.types.is_numeric_dtype(values):
            raise ValueError(f"the schema's segments have edges for the column {column!r}, which is not of numbers")
        limits = [float("-inf"), *edges, float("inf")]
        labels = [f"below {edges[0]:g}", *(f"{a:g} to below {b:g}" for a, b in pairwise(edges))]
        bands = zip([*labels, f"{edges[-1]:g} and more"], pairwise(limits), strict=True)
        return [(f"{column} {label}", ((values >= low) & (values < high)).to_numpy()) for label, (low, high) in bands]
    found = sorted(values.dropna().unique().tolist(), key=str)
    if len(found) > most:
        raise ValueError(f"the schema's segments name {column!r}, which has {len(found)} values: give it edges")
    return [(f"{column} {value}", (values == value).to_numpy()) for value in found]


def segment_table(
    y: Any, p: Any, threshold: float, rows: Any, specs: list[dict[str, Any]], least: int
) -> list[dict[str, Any]]:
    """Return counts, share of positives, mean prediction and metrics for each segment with rows.

    The ROC-AUC and its 95 % interval need at least `least` rows and ten of each class. Otherwise the note says that
    there are too few.
    """
    table = []
    for label, inside in (part for spec in specs for part in segment_parts(rows, spec)):
        count, positives = int(inside.sum()), int(y[inside].sum())
        if not count:
            continue
        called = p[inside] >= threshold
        true = int(y[inside][called].sum())
        enough = count >= least and min(positives, count - positives) >= 10
        area, low, high = area_interval(y[inside], p[inside]) if enough else (None, None, None)
        table.append(
            {
                "segment": label,
                "rows": count,
                "positives": positives,
                "share": positives / count,
                "predicted": float(p[inside].mean()),
                "recall": true / positives if positives else None,
                "precision": true / int(called.sum()) if called.any() else None,
                "roc_auc": area,
                "low": low,
                "high": high,
                "note": "" if enough else "too few rows to judge",
            }
        )
    return table


def segment_events(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the segments' ROC-AUC and share of positives as scalars, a series per segment."""
    places = [("segments, roc_auc", "roc_auc"), ("segments, share of positives", "share")]
    return [
        {
            "type": "training_stats_scalar",
            "metric": title,
            "variant": one["segment"],
            "iter": 0,
            "value": one[column],
        }
        for title, column in places
        for one in table
        if one[column] is not None
    ]
