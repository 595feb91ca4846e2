"""Names of the steps, from the imports of components in the pipeline's file."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from clearml_flows.errors import BadInput
from clearml_flows.spelling import did_you_mean


def step_names() -> list[str]:
    """Return the names of the steps in the order of the pipeline."""
    source = Path(__file__).with_name("pipeline.py").read_text("utf-8")
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports if (node.module or "").startswith("components.") for alias in node.names]


def base_name(step: str) -> str:
    """Return the step's name without the number of a call: train_sweep for train_sweep_1."""
    return re.sub(r"_\d+$", "", step)


def check_steps(flow: str, names: Sequence[str]) -> None:
    """Raise BadInput with the nearest name if one of the names is no step."""
    known = step_names()
    for name in names:
        if name not in known:
            raise BadInput(f"--force: {flow} has no step {name!r}{did_you_mean(name, known)}")
