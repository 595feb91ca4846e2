"""Convert rows of plain values to the tables that ClearML shows among a Task's plots.

Steps may embed every function.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.report.sections import show_value


def table_figure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Build a plotly table; its columns have the order in which the rows name them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[show_value(row.get(name)) for row in rows] for name in names]
    return {"data": [{"type": "table", "header": {"values": names}, "cells": {"values": cells}}], "layout": {}}
