"""Arguments that a pipeline passes to a step, for steps that run alone."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from clearml_flows.settings import Settings
from clearml_flows.steps.signatures import Step, steps


def configured(step: Step, flow: str, settings: Settings) -> dict[str, Any]:
    """Return the step's arguments in the flow's pipeline, except results of other steps.

    The pipeline function runs with stand-ins for the steps that record their arguments.
    """
    from clearml_flows.run import pipeline as tabular

    noted: dict[str, dict[str, Any]] = {}
    stand_ins = {name: _noting(one, noted) for name, one in steps().items()}
    waiting = {"result": str, "here": lambda work, *arguments: work(*arguments), "merge": lambda parts: parts[0]}
    pipeline = FunctionType(tabular.tabular.__code__, {**vars(tabular), **waiting, **stand_ins})
    pipeline(**{**tabular.parameters(flow, settings), "shards": 1})
    references = {one.name for one in step.parameters if one.from_step}
    return {name: value for name, value in noted[step.name].items() if name not in references}


def _noting(step: Step, noted: dict[str, dict[str, Any]]) -> Callable[..., Any]:
    names = [one.name for one in step.parameters]

    def note(*values: Any, **named: Any) -> Any:
        noted[step.name] = {**dict(zip(names, values, strict=False)), **named}
        return step.returns[0] if len(step.returns) == 1 else step.returns

    return note
