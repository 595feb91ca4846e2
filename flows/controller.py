"""What a flow's own process does: the pipeline controller, on this machine or on an agent."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearml import PipelineDecorator, Task

from flows import sdk
from flows.roles import FRESH, RUN_FILE

POLL_SECONDS = 0.2


def is_controller() -> bool:
    """Whether this process is to be the controller: the launcher or an agent started it."""
    return RUN_FILE in os.environ or not Task.running_locally()


def run(flow: Callable[[], Any]) -> None:
    """Run the flow with a process per step, and return when it has ended. Raises what the failing step raised."""
    sdk.poll_every(POLL_SECONDS)
    if os.environ.get(FRESH):
        sdk.run_again(None)
    PipelineDecorator.run_locally()
    flow()


def begin() -> None:
    """Tell the launcher which Task this run is."""
    if RUN_FILE in os.environ:
        path = Path(os.environ[RUN_FILE])
        draft = path.with_suffix(".tmp")
        draft.write_text(PipelineDecorator.get_current_pipeline().id, "utf-8")
        draft.replace(path)


def result(output: Any) -> str:
    """What a step returned, waited for.

    As text, not as a reference to the step's Task, the value itself becomes the next step's parameter: it can be read
    and edited on the ClearML page, and equal work hits the cache.

    Raises RuntimeError if the step left no such result (ClearML hands over None then).
    """
    text = str(output)
    if text in ("", "None"):
        raise RuntimeError("a step ended without its result; its console says why")
    return text
