"""Catalog of the flows: files `flows/NAME_flow.py` with schemas `flows/schemas/NAME.json`."""

import json
from pathlib import Path

from clearml_flows import project
from clearml_flows.errors import BadInput
from clearml_flows.tabular.data.table_schema import problem_type_of
from clearml_flows.tabular.judging.metric_names import METRICS


def flow_names() -> list[str]:
    """Return the sorted names of the flows."""
    return sorted(path.name.removesuffix("_flow.py") for path in _folder().glob("*_flow.py"))


def flow_file(flow: str) -> Path:
    """Return the path of a flow's file."""
    return _folder() / f"{flow}_flow.py"


def schema_text(flow: str) -> str:
    """Return a flow's schema as JSON text; see `tabular/data/table_schema.py`.

    Raises BadInput if the flow has none.
    """
    path = _folder() / "schemas" / f"{flow}.json"
    if not path.is_file():
        raise BadInput(f"the flow {flow} needs a schema, and there is no file {path}")
    return path.read_text("utf-8")


def metrics_of(flow: str) -> tuple[str, ...]:
    """Return the metrics for the flow's models, by the problem type of its target."""
    return METRICS[problem_type_of(json.loads(schema_text(flow)))]


def _folder() -> Path:
    return project.code() / "flows"
