"""A pipeline with a step that succeeds when it is tried again, one that never does, and one that waits for it."""

import json
import sys
from pathlib import Path

from clearml import PipelineDecorator, Task

from clearml_flows.backend import sdk


@PipelineDecorator.component(return_values=["attempt"], packages=False, retry_on_failure=2)
def flaky(marker: str) -> int:
    from pathlib import Path

    if not Path(marker).exists():
        Path(marker).touch()
        raise RuntimeError("the first attempt fails")
    return 2


@PipelineDecorator.component(return_values=["nothing"], packages=False)
def broken(attempt: int) -> int:
    raise RuntimeError(f"fails after attempt {attempt}")


@PipelineDecorator.component(return_values=["never"], packages=False)
def after(nothing: int) -> int:
    return nothing


@PipelineDecorator.pipeline(
    name="failing",
    project=sys.argv[2],
    version="0.1",
    pool_frequency=0.005,
    skip_global_imports=True,
    enable_local_imports=False,
)
def pipeline(marker: str) -> None:
    document = {"document": {"controller": Task.current_task().id}, "faults": []}
    Path(sys.argv[1]).write_text(json.dumps(document), encoding="utf-8")
    attempt = flaky(marker)
    nothing = broken(1)
    if int(attempt) != 2:
        raise ValueError("the second attempt is not the one that counts")
    after(nothing)


if __name__ == "__main__":
    Task.force_store_standalone_script()
    sdk.poll_every(0.2)
    PipelineDecorator.run_locally()
    pipeline(marker=str(Path("attempted").absolute()))
