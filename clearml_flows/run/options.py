"""Options of a run, and the environment variables that pass them to the controller process."""

import os
from dataclasses import dataclass

RUN_FILE = "FLOWS_RUN_FILE"  # where the controller writes its Task's id
FRESH = "FLOWS_FRESH"  # not empty: ignore the cache
FORCE = "FLOWS_FORCE"  # steps for which the cache is ignored, separated by commas
RESUME = "FLOWS_RESUME"  # not empty: the id of the run that this one continues
QUEUE = "FLOWS_QUEUE"  # not empty: the queue whose agents run the steps
DRAFT = "FLOWS_DRAFT"  # not empty: create the run's Task for a controller on an agent, and end
# The process that starts the launcher, like a scheduler, sets the next three.
TAGS = "FLOWS_TAGS"  # tags of the run's Task, separated by commas
KEY = "FLOWS_KEY"  # not empty: of all runs with this tag, run only the first
SHARED = "FLOWS_SHARED"  # not empty: other runs of the flow may be under way on this machine

AGENT_TASK = "CLEARML_TASK_ID"  # an agent sets it to the Task's id for the processes that it starts

SOURCES = ("auto", "kaggle", "synthetic")  # values of data.source besides paths

NO_QUEUE = "mock"  # ClearML's queue name in a pipeline whose steps are processes (see clearml_flows/backend/sdk.py)


def is_controller() -> bool:
    """Return whether the launcher or an agent started this process as the controller of a run."""
    return RUN_FILE in os.environ or AGENT_TASK in os.environ


@dataclass(frozen=True)
class How:
    """Options of how to run a flow. The settings say what the flow computes."""

    fresh: bool = False
    force: tuple[str, ...] = ()
    resume: str = ""
    queue: str = ""
    remote: bool = False
    create_queue: bool = False
    wait_for_worker: float = 0.0
    detach: bool = False

    def variables(self) -> dict[str, str]:
        flags = {FRESH: self.fresh, DRAFT: self.remote}
        texts = {QUEUE: self.queue, FORCE: ",".join(self.force), RESUME: self.resume}
        return {**texts, **{name: "1" if wanted else "" for name, wanted in flags.items()}}
