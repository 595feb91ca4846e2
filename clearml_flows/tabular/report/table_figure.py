"""Rows of plain values as the tables that ClearML shows among a Task's plots.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.report.sections import show_value


def table_figure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows as a plotly table, its columns in the order in which the rows name them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[show_value(row.get(name)) for row in rows] for name in names]
    return {"data": [{"type": "table", "header": {"values": names}, "cells": {"values": cells}}], "layout": {}}
