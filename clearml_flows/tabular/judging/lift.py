"""What calling the rows of highest score first gains over calling any.

`y` is 1 or 0, `p` the score; rows of equal score share their positives evenly, so that the order of rows does not
matter. Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.report.plots import make_layout, make_line


def lift_table(y: Any, p: Any, parts: int = 10) -> list[dict[str, Any]]:
    """For each tenth of the rows, the highest scores first: the lowest score in it, rows, positives and their share;
    lift, that share over the share of all; and, up to here, the share of all positives (gain) and the lift.
    """
    import numpy as np

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
    """Gain and lift by tenths of the rows; `tables` are those of several models, by their labels."""
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
    """How many of the rows, as a share, lie up to the end of each part."""
    ends = [sum(one["rows"] for one in table[: number + 1]) for number in range(len(table))]
    return [end / ends[-1] for end in ends]


def pick(table: list[dict[str, Any]], column: str) -> list[float]:
    """The values of one column."""
    return [float(one[column]) for one in table]
