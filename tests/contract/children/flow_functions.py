"""A pipeline put together from functions: parameters, references to results, two branches that join."""

from typing import Any

from clearml import PipelineController

from clearml_flows.backend import sdk
from tests.contract.child import Document, tell

# Between two looks at the steps.
MINUTES = 0.005


def to_json(value: object) -> bytes:
    import json

    return json.dumps(value, sort_keys=True).encode()


def from_json(text: bytes) -> Any:
    import json

    return json.loads(text)


def load(count: int) -> tuple[list[int], str]:
    from clearml import Task

    # A parameter that is given as a reference to one of the pipeline arrives as text.
    Task.current_task().get_logger().report_scalar("rows", "loaded", value=int(count), iteration=0)
    return list(range(int(count))), "a name"


def double(rows: list[int]) -> list[int]:
    return [2 * row for row in rows]


def label(rows: list[int], name: str) -> dict[int, str]:
    return {row: f"{name} {row}" for row in rows}


def join(doubled: list[int], labels: dict[int, str]) -> dict[str, Any]:
    return {"sum": sum(doubled), "labels": sorted(labels.values())}


def run(project: str) -> Document:
    sdk.poll_every(0.2)
    pipe = PipelineController(
        name="functions",
        project=project,
        version="2.0",
        pool_frequency=MINUTES,
        artifact_serialization_function=to_json,
        artifact_deserialization_function=from_json,
        enable_local_imports=False,
    )
    pipe.add_parameter("count", 3, description="how many rows", param_type="int")
    common: dict[str, Any] = {"packages": False}
    pipe.add_function_step(
        "load",
        load,
        function_kwargs={"count": "${pipeline.count}"},
        function_return=["rows", "name"],
        monitor_metrics=[("rows", "loaded")],
        **common,
    )
    pipe.add_function_step("double", double, {"rows": "${load.rows}"}, ["doubled"], **common)
    pipe.add_function_step("label", label, {"rows": "${load.rows}", "name": "${load.name}"}, ["labels"], **common)
    pipe.add_function_step(
        "join",
        join,
        {"doubled": "${double.doubled}", "labels": "${label.labels}"},
        ["joined"],
        monitor_artifacts=["joined"],
        **common,
    )
    pipe.start_locally(run_pipeline_steps_locally=True)
    told = {
        "controller": pipe.id,
        "successful": pipe.is_successful(),
        "running": pipe.is_running(),
        "processed": sorted(pipe.get_processed_nodes()),
        "running_steps": pipe.get_running_nodes(),
    }
    pipe.stop()
    return told


if __name__ == "__main__":
    tell(run)
