"""`PipelineController.start()`, which enqueues the controller and ends this process; and what it leaves behind."""

import json

from clearml import PipelineController, Task
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell

pipes: list[PipelineController] = []


def double(number: int) -> int:
    return 2 * int(number)


def prepare(project: str, queue: str) -> Document:
    APIClient().queues.create(name=queue)
    pipe = PipelineController("enqueued", project, version="1.0.0", packages=False)
    pipe.add_parameter("number", 21)
    pipe.set_default_execution_queue(queue)
    pipe.add_function_step("double", double, {"number": "${pipeline.number}"}, ["doubled"], packages=False)
    pipes.append(pipe)
    return {"controller": pipe.id}


def read(controller: str, queue: str) -> Document:
    task = Task.get_task(task_id=controller)
    (found,) = APIClient().queues.get_all(name=f"^{queue}$")
    nodes = json.loads(task.get_configuration_object("Pipeline"))
    return {
        "entries": [entry.task == controller for entry in found.entries],
        "status": task.get_status(),
        "type": task.task_type,
        "system_tags": task.get_system_tags(),
        "parameters": {name: value for name, value in task.get_parameters().items() if name.startswith("Args/")},
        "nodes": {name: node["status"] for name, node in nodes.items()},
        "steps": len(Task.get_tasks(task_filter={"parent": controller, "search_hidden": True})),
    }


def run(kind: str, project_or_controller: str, queue: str) -> Document:
    return {"start": prepare, "read": read}[kind](project_or_controller, queue)


if __name__ == "__main__":
    tell(run)
    for pipe in pipes:
        # Nothing after it runs.
        pipe.start(queue=pipe._default_execution_queue)
