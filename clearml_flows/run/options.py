"""How a run is to be made, and the variables by which the launcher tells its controller process."""

import os
from dataclasses import dataclass

RUN_FILE = "FLOWS_RUN_FILE"  # where the controller writes its Task's id
FRESH = "FLOWS_FRESH"  # not empty: ignore the cache
FORCE = "FLOWS_FORCE"  # the steps, with commas between, for which the cache is ignored
RESUME = "FLOWS_RESUME"  # not empty: the id of the run that this one continues
QUEUE = "FLOWS_QUEUE"  # not empty: the queue whose agents run the steps
DRAFT = "FLOWS_DRAFT"  # not empty: make the run's Task, for an agent to be its controller, and end
TAGS = "FLOWS_TAGS"  # what to tag the run's Task with, separated by commas; set by whoever starts the launcher
KEY = "FLOWS_KEY"  # not empty: of all runs with this tag, only the one whose Task was made first is run; likewise
SHARED = "FLOWS_SHARED"  # not empty: other runs of the flow may be under way on this machine; likewise

AGENT_TASK = "CLEARML_TASK_ID"  # by this an agent tells the processes that it starts which Task they run

SOURCES = ("auto", "kaggle", "synthetic")  # what data.source may be, besides a path

NO_QUEUE = (
    "mock"  # what ClearML notes as the queue of a pipeline whose steps are processes (see clearml_flows/backend/sdk.py)
)


def is_controller() -> bool:
    """Whether this process is to be the controller of a run: the launcher or an agent started it."""
    return RUN_FILE in os.environ or AGENT_TASK in os.environ


@dataclass(frozen=True)
class How:
    """What the options of a run say of the way it is made; the settings say what is computed."""

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
