"""The flows that there are: each `flows/NAME_flow.py`, with what its columns are in `flows/schemas/NAME.json`."""

import json
from pathlib import Path

from clearml_flows.tabular.data.split import problem_type_of

FLOWS = Path(__file__).parents[1] / "flows"
METRICS = {
    "classification": ("roc_auc", "average_precision", "f1_score", "accuracy", "precision", "recall", "brier"),
    "regression": ("r2", "rmse", "mae"),
}


def flow_names() -> list[str]:
    """The flows' names, in order."""
    return sorted(path.name.removesuffix("_flow.py") for path in FLOWS.glob("*_flow.py"))


def schema_text(flow: str) -> str:
    """What the columns of a flow's data must be, as JSON; see `tabular/data/table_schema.py`."""
    return (FLOWS / "schemas" / f"{flow}.json").read_text("utf-8")


def metrics_of(flow: str) -> tuple[str, ...]:
    """The metrics by which the flow's models can be judged: those of its target's kind."""
    return METRICS[problem_type_of(json.loads(schema_text(flow)))]
