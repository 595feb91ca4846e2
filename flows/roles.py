"""How a run is to be made, and the variables by which the launcher tells its controller process."""

from dataclasses import dataclass

RUN_FILE = "FLOWS_RUN_FILE"  # where the controller writes its Task's id
FRESH = "FLOWS_FRESH"  # not empty: ignore the cache
QUEUE = "FLOWS_QUEUE"  # not empty: the queue whose agents run the steps


@dataclass(frozen=True)
class How:
    """What the options of a run say of the way it is made; the settings say what is computed."""

    fresh: bool = False
    queue: str = ""

    def variables(self) -> dict[str, str]:
        return {FRESH: "1" if self.fresh else "", QUEUE: self.queue}
