"""Records of started agents in the data directory: a JSON file and a log for each."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from clearml_flows.errors import FlowsError
from clearml_flows.localserver.credentials import make_private_folder, write_private
from clearml_flows.localserver.state import find_process, read_json

FOLDER = "agents"


@dataclass(frozen=True)
class Agent:
    """An agent as it was started.

    `worker` is its id in ClearML. `pid` and `created` (start time) identify its process.
    """

    worker: str
    queues: tuple[str, ...]
    services: bool
    url: str
    pid: int
    created: float
    log: str

    def process(self) -> psutil.Process | None:
        """Return the agent's process, or None if it has ended."""
        return find_process(self.pid, self.created)

    def owns(self, worker: str) -> bool:
        """Return whether a worker id is the agent's, or of a Task that it runs in services mode."""
        return worker == self.worker or worker.startswith(f"{self.worker}:service:")


def agents_folder(data_dir: Path) -> Path:
    """Return the private folder of agents, created if missing.

    Raises FlowsError if the folder cannot be used.
    """
    folder = data_dir / FOLDER
    try:
        make_private_folder(data_dir)
        make_private_folder(folder)
    except OSError as error:
        raise FlowsError(f"{folder} cannot be used: {error.strerror or error}") from None
    return folder


def state_file(folder: Path, worker: str) -> Path:
    return folder / f"{worker.rpartition(':')[2]}.json"


def read_agents(folder: Path) -> list[Agent]:
    """Return all agents that were started and not stopped, dead ones too, by start time."""
    found = [_agent(read_json(path)) for path in folder.glob("*.json")]
    return sorted((agent for agent in found if agent), key=lambda agent: (agent.created, agent.worker))


def write_agent(folder: Path, agent: Agent) -> None:
    write_private(state_file(folder, agent.worker), json.dumps(asdict(agent)) + "\n")


def forget_agent(folder: Path, agent: Agent) -> None:
    state_file(folder, agent.worker).unlink(missing_ok=True)


def one_at_a_time(folder: Path, seconds: float) -> FileLock:
    """Return the held lock for starting and stopping agents.

    Raises FlowsError if another process holds the lock for `seconds`.
    """
    lock = FileLock(folder / "agents.lock", mode=0o600)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise FlowsError(f"another `flows agent` on {folder} has not ended in {seconds:.0f} s; try again") from None
    return lock


def _agent(values: dict[str, object]) -> Agent | None:
    if set(values) != {field.name for field in fields(Agent)}:
        return None
    queues = values.pop("queues")
    return Agent(queues=tuple(map(str, queues)) if isinstance(queues, list) else (), **values)  # type: ignore[arg-type]  # a file of ours
