"""A pipeline of decorated steps: two results from one step, branches at the same time, nested values, a cache."""

import sys
from typing import Any

from clearml import PipelineDecorator, Task

from clearml_flows.backend import sdk
from tests.contract.child import Document, tell


def to_json(value: object) -> bytes:
    import json

    return json.dumps(value, sort_keys=True).encode()


def from_json(text: bytes) -> Any:
    import json

    return json.loads(text)


@PipelineDecorator.component(
    return_values=["numbers", "total"], cache=True, packages=False, task_type="data_processing"
)
def load(count: int, label: str) -> tuple[dict[str, Any], int]:
    numbers = {"label": label, "values": [{"n": number} for number in range(count)]}
    print(f"loaded {count} numbers")  # noqa: T201  (its console)
    return numbers, sum(range(count))


@PipelineDecorator.component(return_values=["result"], cache=True, packages=False)
def scale(numbers: dict[str, Any], factor: float, options: dict[str, Any]) -> list[float]:
    from clearml import Task

    Task.current_task().get_logger().report_scalar("scale", "factor", value=factor, iteration=0)
    return [item["n"] * factor + options["shift"][0] for item in numbers["values"]]


@PipelineDecorator.component(return_values=["answer"], packages=False, tags=["last"])
def combine(left: list[float], right: list[float], total: int) -> dict[str, Any]:
    return {"sums": [sum(left), sum(right)], "total": total}


@PipelineDecorator.pipeline(
    name="decorated",
    project=sys.argv[2],
    version="1.2.3",
    pool_frequency=0.005,
    return_value="answer",
    artifact_serialization_function=to_json,
    artifact_deserialization_function=from_json,
    skip_global_imports=True,
    enable_local_imports=False,
)
def pipeline(count: int = 3, label: str = "", shift: int = 10) -> dict[str, Any]:
    numbers, total = load(count, label)
    left = scale(numbers, 2.0, {"shift": [0, 1]})
    right = scale(numbers, factor=0.5, options={"shift": [shift]})
    if int(total) != sum(range(count)):
        raise ValueError("the value of a step is not what it returned")
    return {"answer": combine(left, right, total)["sums"], "controller": Task.current_task().id}


def run(project: str, shift: str) -> Document:
    sdk.poll_every(0.2)
    PipelineDecorator.run_locally()
    # Named after this run of the tests: the cache of a server is for all that ever ran there.
    result = pipeline(label=project, shift=int(shift))
    return {"answer": list(result["answer"]), "controller": result["controller"]}


if __name__ == "__main__":
    tell(run)
