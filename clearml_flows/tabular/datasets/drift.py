"""Measure drift: how far the rows of a new dataset version differ from the previous version.

The measure is the population stability index (PSI) of each column: the sum over bins of (new share - old share) *
ln(new share / old share). A PSI below 0.1 commonly counts as no change, above 0.25 as a large change. It is 2 when
about a quarter of the rows are in bins that were empty. By chance alone it is about a chi-square with bins - 1
degrees of freedom times 1/n + 1/m. A PSI within that range is not called drift.
"""

import math
from typing import Any

import numpy as np
from pandas.api.types import is_numeric_dtype


def measure_drift(before: Any, after: Any, target: str, key: str, warn: float, refuse: float) -> list[dict[str, Any]]:
    """Compare the columns that two DataFrames share.

    Args:
        before: the rows of the previous version.
        after: the rows of the new version.
        target: the target column. Its measure is the relative change of a class share; other columns use the PSI.
        key: the column that is not compared.
        warn: a column above this measure is `warned`; 0: never. New categories are always `warned`.
        refuse: a column above this measure is `refused`; 0: never.

    Returns:
        A row per column, largest drift first: `{column, psi, by_chance, measure, moved, new, verdict}`.
        `verdict` is `stable`, `warned` or `refused`. `by_chance` is the measure that chance alone can reach.
        `moved` describes the change as text. `new` lists categories that the previous version lacks.
    """
    shared = [name for name in after.columns if name in before.columns and name != key]
    table = [column_drift(before[name], after[name], name == target) for name in shared]
    for row in table:
        beyond = row["measure"] if row["measure"] > row["by_chance"] else 0.0
        row["verdict"] = "warned" if row["new"] or 0 < warn < beyond else "stable"
        row["verdict"] = "refused" if 0 < refuse < beyond else row["verdict"]
    order = {"refused": 0, "warned": 1, "stable": 2}
    return sorted(table, key=lambda row: (order[row["verdict"]], -row["measure"], row["column"]))


def column_drift(before: Any, after: Any, is_target: bool) -> dict[str, Any]:
    """Compute a row of `measure_drift` for one column, without the verdict."""
    numeric = is_numeric_dtype(before) and is_numeric_dtype(after)
    old, new = bin_counts(before, after) if numeric else value_counts(before, after)
    row = {"column": str(after.name), "psi": stability_index(old, new), "new": []}
    row |= {"measure": row["psi"], "by_chance": index_by_chance(len(old), sum(old.values()), sum(new.values()))}
    if numeric:
        return {**row, "moved": f"mean {before.mean():.4g} to {after.mean():.4g}"}
    row["new"] = [name for name in new if new[name] and not old[name]]
    shares = {name: (old[name] / max(1, len(before)), new[name] / max(1, len(after))) for name in old}
    name, (was, now) = max(shares.items(), key=lambda item: abs(item[1][1] - item[1][0]), default=("", (0.0, 0.0)))
    if is_target:
        name, (was, now) = min(shares.items(), key=lambda item: item[1][0])
        chance = 3.29 * (was * (1 - was) * (1 / len(before) + 1 / len(after))) ** 0.5
        row |= {"measure": abs(now - was) / max(was, 1e-9), "by_chance": chance / max(was, 1e-9)}
    return {**row, "moved": f"{name!r} {was:.1%} to {now:.1%}"}


def value_counts(before: Any, after: Any) -> tuple[dict[Any, int], dict[Any, int]]:
    """Count each value, as text, before and after; both dicts have all values."""
    old, new = before.astype(str).value_counts().to_dict(), after.astype(str).value_counts().to_dict()
    names = sorted({*old, *new})
    return {name: int(old.get(name, 0)) for name in names}, {name: int(new.get(name, 0)) for name in names}


def bin_counts(before: Any, after: Any, bins: int = 10) -> tuple[dict[Any, int], dict[Any, int]]:
    """Count the numbers in each bin, before and after.

    Bins are the quantiles of `before`, or its distinct values if there are few. Missing values have a bin of their own.
    So have values below and values above all of `before`.
    """
    known = np.sort(before.dropna().to_numpy(dtype="float64"))
    distinct = np.unique(known)
    if len(distinct) <= bins:
        # A value that `before` lacks falls between two of these, or outside all of them.
        edges = np.sort(np.concatenate([distinct, np.nextafter(distinct, np.inf)]))
    else:
        inner = np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])
        edges = np.unique([known[0], *inner, np.nextafter(known[-1], np.inf)])
    counted = []
    for values in (before, after):
        places = np.searchsorted(edges, values.to_numpy(dtype="float64"), side="right")
        places[values.isna().to_numpy()] = -1
        counted.append(dict(zip(*map(np.ndarray.tolist, np.unique(places, return_counts=True)), strict=True)))
    used = sorted({*counted[0], *counted[1]})
    old, new = ({place: counts.get(place, 0) for place in used} for counts in counted)
    return old, new


def stability_index(old: dict[Any, int], new: dict[Any, int]) -> float:
    """Compute the PSI of counts by bin, adding 0.5 rows to each so that empty bins stay finite."""
    index = 0.0
    for place, count in old.items():
        was = (count + 0.5) / (sum(old.values()) + 0.5 * len(old))
        now = (new[place] + 0.5) / (sum(new.values()) + 0.5 * len(new))
        index += (now - was) * math.log(now / was)
    return index


def index_by_chance(bins: int, old: int, new: int) -> float:
    """Return the PSI that rows of the same kind exceed once in a thousand times.

    Uses Wilson and Hilferty's approximation of the chi-square distribution.
    """
    degrees = max(1, bins - 1)
    spread = 2 / (9 * degrees)
    chi_square = degrees * (1 - spread + 3.09 * spread**0.5) ** 3
    return float(chi_square * (1 / max(1, old) + 1 / max(1, new)))


def drift_figure(table: list[dict[str, Any]], warn: float, refuse: float) -> dict[str, Any]:
    """Draw each column's measure as a plotly bar chart with both thresholds."""
    colours = {"stable": "#6b9080", "warned": "#e0a458", "refused": "#b23a48"}
    rows = table[:40][::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [row["column"] for row in rows],
        "x": [round(row["measure"], 5) for row in rows],
        "text": [row["moved"] for row in rows],
        "marker": {"color": [colours[row["verdict"]] for row in rows]},
    }
    lines = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": colours[verdict]}}
        for at, verdict in ((warn, "warned"), (refuse, "refused"))
        if at
    ]
    axis = {"title": {"text": "PSI (of the target: change of its share)"}}
    return {"data": [bars], "layout": {"title": {"text": "Drift"}, "xaxis": axis, "shapes": lines}}


def describe_drift(table: list[dict[str, Any]], verdict: str, most: int = 6) -> str:
    """List the columns with this verdict, such as `tenure (0.31: mean 32.4 to 20.1)`."""
    rows = [row for row in table if row["verdict"] == verdict]
    told = []
    for row in rows[:most]:
        new = f", new: {', '.join(map(repr, row['new']))[:80]}" if row["new"] else ""
        told.append(f"{row['column']} ({row['measure']:.2f}: {row['moved']}{new})")
    return ", ".join(told) + (f" and {len(rows) - most} more" if len(rows) > most else "")
