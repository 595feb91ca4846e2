"""Convert rows of plain values to the tables that ClearML shows among a Task's plots."""

from typing import Any

from clearml_flows.tabular.report.sections import show_value


def table_figure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Build a plotly table; its columns have the order in which the rows name them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[show_value(row.get(name)) for row in rows] for name in names]
    return {"data": [{"type": "table", "header": {"values": names}, "cells": {"values": cells}}], "layout": {}}
