"""Lift and gain: the benefit of selecting rows by score instead of at random.

`y` is 1 or 0, `p` the score. Rows of equal score share their positives evenly, so the order of rows does not
matter.
"""

from typing import Any

import numpy as np

from clearml_flows.tabular.report.plots import make_layout, make_line


def lift_table(y: Any, p: Any, parts: int = 10) -> list[dict[str, Any]]:
    """Return a row for each tenth of the rows, highest scores first.

    Each has the lowest score, rows, positives, their share, and `lift`: that share over the share of all rows.
    `gain` is the cumulative share of all positives, `lift_so_far` the cumulative lift.
    """
    _, same = np.unique(p, return_inverse=True)
    expected = (np.bincount(same, weights=y) / np.bincount(same))[same]
    order, share, seen, found = np.argsort(-p, kind="stable"), float(y.mean()), 0, 0.0
    table = []
    for number, part in enumerate(np.array_split(order, parts), start=1):
        if not len(part):
            continue
        positives = float(expected[part].sum())
        seen, found = seen + len(part), found + positives
        table.append(
            {
                "decile": number,
                "lowest_score": float(p[part].min()),
                "rows": len(part),
                "positives": round(positives, 2),
                "share": positives / len(part),
                "lift": positives / len(part) / share,
                "gain": found / float(y.sum()),
                "lift_so_far": found / seen / share,
            }
        )
    return table


def lift_figures(tables: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Plot gain and lift by tenths of the rows; `tables` maps each model's label to its table."""
    gain = [make_line(label, [0.0, *tenths(table)], [0.0, *pick(table, "gain")]) for label, table in tables.items()]
    lift = [make_line(label, tenths(table), pick(table, "lift")) for label, table in tables.items()]
    for lines, (x, y) in ((gain, ([0.0, 1.0], [0.0, 1.0])), (lift, ([0.0, 1.0], [1.0, 1.0]))):
        for line in lines:
            line["mode"] = "lines+markers"
        lines.append({**make_line("chance", x, y), "line": {"dash": "dot"}})
    axis = "share of the rows, the highest scores first"
    return {
        "Gain": {"data": gain, "layout": make_layout("Gain", axis, "share of the positives found")},
        "Lift": {"data": lift, "layout": make_layout("Lift", axis, "lift of the tenth")},
    }


def tenths(table: list[dict[str, Any]]) -> list[float]:
    """Return the cumulative share of rows at the end of each part."""
    ends = [sum(one["rows"] for one in table[: number + 1]) for number in range(len(table))]
    return [end / ends[-1] for end in ends]


def pick(table: list[dict[str, Any]], column: str) -> list[float]:
    """Return the values of one column."""
    return [float(one[column]) for one in table]
