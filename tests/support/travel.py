"""Each step's Task as a controller creates it, without a controller or a backend.

Importing a component registers it, and building its script reads ClearML's configuration: so all this happens in a
child process, `python -m tests.support.travel`, which prints the definitions as JSON.
"""

import ast
import functools
import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Step:
    """What ClearML would send for a step."""

    function: str
    script: str
    packages: list[str] | None
    returns: list[str]
    types: dict[str, str]
    modules: dict[str, str]


def step_names() -> list[str]:
    """Modules in components/ that define a step, found without importing them."""
    return [
        path.stem
        for path in sorted((ROOT / "components").glob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and any(map(_is_component, node.decorator_list))
    ]


@functools.cache
def steps() -> dict[str, Step]:
    """All steps, by the name of their module."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.travel"],
        cwd=ROOT,
        env={**os.environ, "CLEARML_OFFLINE_MODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    return {name: Step(**told) for name, told in json.loads(child.stdout.splitlines()[-1]).items()}


def _is_component(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".component")


def _define(name: str) -> dict[str, Any]:
    from clearml import PipelineDecorator

    from clearml_flows.run import step_code

    importlib.import_module(f"components.{name}")
    spec = PipelineDecorator._added_decorator[-1]
    controller = SimpleNamespace(
        _task_template_header=None,
        _artifact_serialization_function=None,
        _artifact_deserialization_function=None,
        _skip_global_imports=True,
    )
    taken = ("function", "function_kwargs", "function_return", "packages", "task_type")
    empty = (
        *(
            "helper_functions",
            "docker",
            "docker_args",
            "docker_bash_setup_script",
            "auto_connect_frameworks",
            "auto_connect_arg_parser",
        ),
        *("repo", "branch", "commit"),
    )
    task = PipelineDecorator._create_task_from_function(
        controller,
        **{key: spec[key] for key in taken},
        **dict.fromkeys(empty),
        function_input_artifacts={},
        project_name="travel",
        task_name=name,
    )
    return {
        "function": spec["name"],
        "script": task["script"]["diff"],
        "packages": spec["packages"],
        "returns": spec["function_return"],
        "modules": {name: str(path) for name, path in step_code.modules_of(spec["function"]).items()},
        "types": {key: item["type"] for key, item in task["hyperparams"]["kwargs"].items()},
    }


if __name__ == "__main__":
    from clearml_flows.backend import sdk
    from clearml_flows.run import step_code

    sdk.prepare_steps(str, step_code.header)
    definitions = {name: _define(name) for name in step_names()}
    sys.stdout.write(f"\n{json.dumps(definitions)}\n")
