"""Arguments that a pipeline passes to a step, for steps that run alone."""

from typing import Any

from clearml_flows.errors import BadInput
from clearml_flows.flow_file import read_flow
from clearml_flows.run.parameters import configured_values, groups_of
from clearml_flows.settings import Settings
from clearml_flows.steps.signatures import Step


def configured(step: Step, flow: str, settings: Settings) -> dict[str, Any]:
    """Return the step's arguments in the flow's pipeline, except results of other steps.

    Raises BadInput if the flow does not call the step.
    """
    read = read_flow(flow)
    values = configured_values(read.function, flow, settings)
    # One part of the sweep has all experiments.
    values |= {"shards": 1} if "shards" in values else {}
    calls = read.arguments(groups_of(read.function, values))
    if step.name not in calls:
        raise BadInput(f"the flow {flow} does not call the step {step.name}")
    references = {one.name for one in step.parameters if one.from_step}
    return {name: value for name, value in calls[step.name].items() if name not in references}
