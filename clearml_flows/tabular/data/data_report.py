"""Print the report on checked data and store it on the Task as a table and files."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.data.problems import report_cells


def store_report(task: Any, folder: str, name: str, rows: int, items: list[dict[str, Any]]) -> None:
    """Print the report and store it on the Task.

    Stores the artifact `report` (JSON), the table "validation", and `report-csv` if there are items.

    Args:
        task: the Task that keeps the report.
        folder: a folder for the files.
        name: the name of the data file.
        rows: the number of valid rows.
        items: problems, warnings and tolerated items.
    """
    order = ["problem", "warning", "tolerated"]
    ordered = sorted(items, key=lambda item: order.index(item["level"]))
    counts = {level: sum(item["level"] == level for item in items) for level in order}
    report = {"file": name, "rows": rows, "counts": counts, "items": ordered}
    Path(folder, "report.json").write_text(json.dumps(report, indent=1), "utf-8")
    save_artifact(task, "report", f"{folder}/report.json")
    table = pd.DataFrame(report_cells(ordered) or [{"level": "sound", "rule": f"{rows} rows, nothing to say"}])
    if ordered:
        table.to_csv(f"{folder}/report.csv", index=False)
        save_artifact(task, "report-csv", f"{folder}/report.csv")
    print(f"{name}: {rows} sound rows, {counts['problem']} problems, {counts['warning']} warnings")
    print(table.to_string(index=False))
    task.get_logger().report_table("validation", "report", iteration=0, table_plot=table)
