"""What a flow's own process does: the pipeline controller, on this machine or on an agent."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearml import PipelineDecorator, Task

from flows import sdk
from flows.ending import PROCESS, process_mark
from flows.roles import FRESH, QUEUE, RUN_FILE

POLL_SECONDS = 0.1
LOOK_MINUTES = 0.01  # how often the pipeline looks for steps that failed; ClearML takes minutes here


def is_controller() -> bool:
    """Whether this process is to be the controller: the launcher or an agent started it."""
    return RUN_FILE in os.environ or not Task.running_locally()


def run(flow: Callable[..., None], project: str, parameters: dict[str, Any]) -> None:
    """Run the flow as a ClearML pipeline, and return when it has ended. Each step is a process here, or is put into the
    queue that the launcher named.

    Raises what the failing step raised.
    """
    sdk.poll_every(POLL_SECONDS)
    sdk.ask_nobody_for_news()
    sdk.parse_one_at_a_time()
    if os.environ.get(FRESH):
        sdk.run_again(None)
    if RUN_FILE in os.environ:
        threading.Thread(target=_announce, daemon=True).start()
    queue = os.environ.get(QUEUE)
    if not queue:
        PipelineDecorator.run_locally()
    pipeline = PipelineDecorator.pipeline(
        name=flow.__name__,
        project=project,
        version="1.0.0",
        abort_on_failure=True,
        pool_frequency=LOOK_MINUTES,
        default_queue=queue,
        pipeline_execution_queue=None,
        # A step imports nothing from here: an agent has not our checkout, and what fails there is to fail here too.
        skip_global_imports=True,
        enable_local_imports=False,
    )
    pipeline(flow)(**parameters)


def _announce() -> None:
    """Tell the launcher which Task this run is, as soon as there is one: from then on it can be stopped and marked."""
    while (task := Task.current_task()) is None:
        time.sleep(0.05)
    task.set_user_properties(**{PROCESS: process_mark()})
    path = Path(os.environ[RUN_FILE])
    draft = path.with_suffix(".tmp")
    draft.write_text(task.id, "utf-8")
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
