"""Files in a data directory that describe its server: lock, process and ports."""

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
    """The server cannot do what was asked. The message says what was found and what to do."""


@dataclass(frozen=True)
class ServerState:
    """The server's process and ports. The ports are 0 until the server listens."""

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
    """Return the state written by the last server, or None if it is missing or invalid."""
    values = read_json(data_dir / STATE)
    try:
        return ServerState(**values)
    except TypeError:
        return None


def write_state(data_dir: Path, state: ServerState) -> None:
    """Write the state of the running server."""
    write_text(data_dir / STATE, json.dumps(asdict(state)) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, or {} if the file is missing or has other contents."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_text(path: Path, text: str) -> None:
    """Replace a file atomically: readers see either the old or the new content."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def server_lock(data_dir: Path) -> FileLock:
    """Return the lock that a running server holds. The system frees it when the process ends."""
    return FileLock(data_dir / LOCK, mode=0o600)


def is_locked(data_dir: Path) -> bool:
    """Return True if a server holds the lock of this data directory."""
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
    """Return the process that wrote this state, or None if it has ended."""
    return find_process(state.pid, state.created)


def find_process(pid: int, created: float) -> psutil.Process | None:
    """Return the process with this id and creation time, or None if it has ended."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) <= _CLOCK_STEP_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
