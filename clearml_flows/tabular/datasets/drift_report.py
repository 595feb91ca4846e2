"""Report drift on a Task as a table, a plot and a JSON artifact, and refuse bad data."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.data.problems import escape_cell
from clearml_flows.tabular.datasets.drift import describe_drift, drift_figure, measure_drift
from clearml_flows.tabular.failure import tell_failure, tell_note, tell_tags


def report_drift(
    task: Any, earlier: dict[str, Any], before: Any, manifest: dict[str, Any], after: Any, warn: float, refuse: float
) -> None:
    """Compare the rows of a new version with the previous version's and report the drift.

    Stores the artifact `drift`, the table and the plot "drift". Tags the Task `drift` if a column is warned or refused.
    Compares nothing if there is no previous version, or if only one of the two is synthetic; the console says so.

    Args:
        task: the Task that gets the report.
        earlier: the manifest of the previous version; empty if there is none.
        before: the rows of the previous version.
        manifest: the manifest of the new version.
        after: the rows of the new version.
        warn: see `measure_drift`.
        refuse: see `measure_drift`.

    Raises:
        ValueError: bad data: a column is refused.
    """
    if not earlier or earlier["synthetic"] != manifest["synthetic"]:
        why = "the version before is synthetic or this one is" if earlier else "there is no version before"
        print(f"drift: not measured, since {why}")
        return
    table = measure_drift(before, after, manifest["target"], manifest["key"], warn, refuse)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "drift.json")
        path.write_text(json.dumps({"warn": warn, "refuse": refuse, "columns": table}, indent=1), "utf-8")
        save_artifact(task, "drift", str(path))
    cells = [
        {name: escape_cell(", ".join(value)) if isinstance(value, list) else value for name, value in row.items()}
        for row in table
    ]
    frame = pd.DataFrame(cells).round(4)
    print(f"drift since the version before, by column:\n{frame.to_string(index=False)}")
    task.get_logger().report_table("drift", "columns", iteration=0, table_plot=frame)
    task.get_logger().report_plotly("drift", "measure", iteration=0, figure=drift_figure(table, warn, refuse))
    told = {verdict: describe_drift(table, verdict) for verdict in ("warned", "refused")}
    if any(told.values()):
        tell_tags(task, ["drift"])
    if told["warned"]:
        tell_note(task, f"WARNING: these columns have moved since the version before: {told['warned']}")
    if told["refused"]:
        far = f"bad data: these columns have moved by more than {refuse:g} since the version before: {told['refused']}"
        raise ValueError(tell_failure(task, f"{far}; see the table drift, and raise drift_refuse if this is right"))
