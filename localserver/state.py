"""What a data directory tells about its server: the lock that a running one holds, its process, its ports."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

LOCK = "server.lock"
STARTING_LOCK = "starting.lock"
UPKEEP_LOCK = "upkeep.lock"
STATE = "server.json"
PORTS = "ports.json"
LOG = "server.log"
DATABASE = "backend.sqlite"
FILES = "files"
STAGING = "incoming"
LEAVING = "leaving"

_CLOCK_STEP_SECONDS = 2.0


class Failure(Exception):
    """Why the server cannot do what was asked: one sentence for the user, naming what was found and what to do."""


@dataclass(frozen=True)
class ServerState:
    """The server's process as it wrote itself down; the ports are 0 until it listens."""

    pid: int
    created: float
    instance: str
    api_port: int = 0
    files_port: int = 0

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def files_url(self) -> str:
        return f"http://127.0.0.1:{self.files_port}"


def read_state(data_dir: Path) -> ServerState | None:
    """Return what the last server wrote, or None when there is nothing that can be read as that."""
    values = read_json(data_dir / STATE)
    try:
        return ServerState(**values)
    except TypeError:
        return None


def write_state(data_dir: Path, state: ServerState) -> None:
    write_text(data_dir / STATE, json.dumps(asdict(state)) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; an empty one when the file is missing or holds something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_text(path: Path, text: str) -> None:
    """Replace a file of the data directory, so that a reader sees the old or the new one."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def server_lock(data_dir: Path) -> FileLock:
    """Return the lock that a server holds for as long as it lives (the system frees it with the process)."""
    return FileLock(data_dir / LOCK, mode=0o600)


def is_locked(data_dir: Path) -> bool:
    """Tell whether a server holds this data directory."""
    if not (data_dir / LOCK).exists():
        return False
    lock = server_lock(data_dir)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def own_process(state: ServerState) -> psutil.Process | None:
    """Return the process that wrote this state, or None when it is gone."""
    return find_process(state.pid, state.created)


def find_process(pid: int, created: float) -> psutil.Process | None:
    """Return the process of this number that began at this time, or None when it is gone."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) <= _CLOCK_STEP_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
