"""Parameters and results of steps, parsed from their source files.

Importing a step takes seconds, and help must be fast.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import components
from clearml_flows.errors import BadInput
from clearml_flows.run.step_names import step_names
from clearml_flows.spelling import did_you_mean

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_FOLDER = Path(components.__path__[0])
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Parameter:
    """Parameter of a step.

    `from_step` is the step whose result it takes, empty for a plain value.
    """

    name: str
    type: type
    help: str
    required: bool
    from_step: str = ""


@dataclass(frozen=True)
class Step:
    """A step: docstring, parameters, and the names of its results."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    returns: tuple[str, ...]

    @property
    def summary(self) -> str:
        return self.doc.partition("\n\n")[0].replace("\n", " ")

    def parameter(self, name: str) -> Parameter:
        return next(one for one in self.parameters if one.name == name)


@cache
def steps() -> dict[str, Step]:
    """Return the steps by name, in the order of a run."""
    nodes = {name: _function(name) for name in step_names()}
    makers = {result: name for name, node in nodes.items() for result in _returns(node)}
    return {name: _step(node, makers) for name, node in nodes.items()}


def step_of(name: str) -> Step:
    """Return a step. Raises BadInput with the nearest name if there is none."""
    if name not in steps():
        raise BadInput(f"there is no step {name!r}{did_you_mean(name, steps())}")
    return steps()[name]


def _function(name: str) -> ast.FunctionDef:
    tree = ast.parse((_FOLDER / f"{name}.py").read_text("utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _returns(node: ast.FunctionDef) -> tuple[str, ...]:
    words: list[ast.keyword] = [
        word for call in node.decorator_list if isinstance(call, ast.Call) for word in call.keywords
    ]
    return tuple(next(ast.literal_eval(word.value) for word in words if word.arg == "return_values"))


def _step(node: ast.FunctionDef, makers: dict[str, str]) -> Step:
    doc = ast.get_docstring(node) or ""
    told = doc.partition("\nArgs:\n")[2].partition("\n\n")[0]
    helps = {name: re.sub(r"\s+", " ", text) for name, text in _ARGUMENT.findall(told)}
    needed = len(node.args.args) - len(node.args.defaults)
    return Step(
        node.name,
        doc,
        tuple(_parameter(one, place < needed, helps, makers) for place, one in enumerate(node.args.args)),
        _returns(node),
    )


def _parameter(argument: ast.arg, required: bool, helps: dict[str, str], makers: dict[str, str]) -> Parameter:
    annotation: Any = argument.annotation
    name = argument.arg
    return Parameter(name, TYPES[annotation.id], helps.get(name, ""), required, makers.get(name, ""))
