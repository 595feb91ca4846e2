"""Parameters and results of steps, from their functions."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from clearml_flows.catalog import flow_names
from clearml_flows.errors import BadInput
from clearml_flows.flow_file import Component, read_flow
from clearml_flows.spelling import did_you_mean

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
    """Return the steps of all flows by name, in the order of a run."""
    components = {name: one for flow in flow_names() for name, one in read_flow(flow).components.items()}
    makers = {result: name for name, one in components.items() for result in one.returns}
    return {name: _step(one, makers) for name, one in components.items()}


def step_of(name: str) -> Step:
    """Return a step. Raises BadInput with the nearest name if there is none."""
    if name not in steps():
        raise BadInput(f"there is no step {name!r}{did_you_mean(name, steps())}")
    return steps()[name]


def _step(component: Component, makers: Mapping[str, str]) -> Step:
    doc = inspect.getdoc(component.function) or ""
    told = doc.partition("\nArgs:\n")[2].partition("\n\n")[0]
    helps = {name: re.sub(r"\s+", " ", text) for name, text in _ARGUMENT.findall(told)}
    parameters = inspect.signature(component.function, eval_str=True).parameters.values()
    return Step(
        component.name,
        doc,
        tuple(
            Parameter(
                one.name, one.annotation, helps.get(one.name, ""), one.default is one.empty, makers.get(one.name, "")
            )
            for one in parameters
        ),
        component.returns,
    )
