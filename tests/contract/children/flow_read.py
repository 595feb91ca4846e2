"""What is left of pipelines that ran: the controller, its steps and all that they tell of each other."""

import json
from typing import Any

from clearml import PipelineController, Task

from tests.contract.child import Document, tell


def read(*named: str) -> Document:
    """Of each `name=id of the controller`."""
    return {name: pipeline(task_id) for name, _, task_id in (pair.partition("=") for pair in named)}


def pipeline(task_id: str) -> dict[str, Any]:
    controller = Task.get_task(task_id=task_id)
    steps = Task.get_tasks(task_filter={"parent": task_id, "order_by": ["created"], "search_hidden": True})
    return {
        "status": controller.get_status(),
        "type": controller.task_type,
        "system_tags": sorted(controller.get_system_tags()),
        "project": controller.get_project_name(),
        "parameters": controller.get_parameters(),
        "version": controller._get_runtime_properties().get("version"),
        "graph": graph(controller),
        "artifacts": {name: value(found) for name, found in controller.artifacts.items()},
        "scalars": controller.get_reported_scalars(),
        "plots": sorted({plot["metric"] for plot in controller.get_reported_plots()}),
        "steps": sorted((step(found) for found in steps), key=lambda found: (found["name"], found["status"])),
        "found": PipelineController.get(pipeline_id=task_id).id == task_id,
    }


def graph(controller: Task) -> dict[str, Any]:
    nodes = json.loads(controller.get_configuration_object("Pipeline"))
    return {name: [sorted(node["parents"]), node["status"], node["executed"]] for name, node in nodes.items()}


def value(artifact: Any) -> Any:
    return artifact.get(deserialization_function=lambda content: json.loads(content))


def step(task: Task) -> dict[str, Any]:
    parameters = task.get_parameters(cast=True)
    return {
        "name": task.name,
        "status": task.get_status(),
        "type": task.task_type,
        "tags": [tag for tag in task.get_tags() if not tag.startswith("pipe:")],
        "arguments": {name: given for name, given in task.get_parameters().items() if name.startswith("kwargs/")},
        "inputs": len([name for name in parameters if name.startswith("kwargs_artifacts/")]),
        "returned": {name: given for name, given in parameters.items() if name.startswith("return/")},
        "artifacts": sorted(task.artifacts),
        "console": "".join(task.get_reported_console_output(number_of_reports=50)),
        "code": "def " in (task.data.script.diff or ""),
    }


tell(read)
