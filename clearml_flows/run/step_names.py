"""The names of the steps, read from the pipeline's file: to import a component there is what makes it a step."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from clearml_flows.errors import BadInput
from clearml_flows.spelling import did_you_mean


def step_names() -> list[str]:
    """The steps in the order in which they are shown."""
    source = Path(__file__).with_name("pipeline.py").read_text("utf-8")
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports if (node.module or "").startswith("components.") for alias in node.names]


def base_name(step: str) -> str:
    """The step's name without the number that it has when it is called again, as shards are (train_sweep_1)."""
    return re.sub(r"_\d+$", "", step)


def check_steps(flow: str, names: Sequence[str]) -> None:
    """Raises BadInput, with the nearest name, if one of them is no step of the flow."""
    known = step_names()
    for name in names:
        if name not in known:
            raise BadInput(f"--force: {flow} has no step {name!r}{did_you_mean(name, known)}")
