"""Start, stop and query the server of a data directory from another process.

Imports no server modules, so that commands start fast.
"""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from clearml_flows.localserver.credentials import CONFIG, CREDENTIALS, make_private_folder
from clearml_flows.localserver.state import (
    DATABASE,
    FILES,
    LEAVING,
    LOG,
    PORTS,
    STAGING,
    STARTING_LOCK,
    STATE,
    Failure,
    ServerState,
    is_locked,
    own_process,
    read_state,
    server_lock,
)
from clearml_flows.localserver.swap import ASIDE, DRAFT, JOURNAL

INSTANCE_HEADER = "x-localserver-instance"
_POLL_SECONDS = 0.02
_STOP_SECONDS = 15.0
_ANSWER_SECONDS = 10.0
_PACKAGES = Path(__file__).resolve().parents[2]
_DETACHED = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_started: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Status:
    """State of the server of `data_dir`. `config_file` is the clearml.conf for its clients."""

    running: bool
    data_dir: str
    config_file: str
    api_url: str | None = None
    files_url: str | None = None
    web_url: str | None = None
    pid: int | None = None


def up(
    data_dir: Path | str, api_port: int = 0, files_port: int = 0, timeout: float = 30.0, parent: int | None = None
) -> Status:
    """Start the server if it is not running, and return when it answers.

    Args:
        api_port: 0 selects the remembered or a free port.
        files_port: Like `api_port`.
        timeout: Seconds to wait for the first answer.
        parent: A server started by this call ends with this process.

    Raises:
        Failure: The server did not start or answer in time.
    """
    folder = Path(data_dir).absolute()
    deadline = time.monotonic() + timeout
    with _folder_problems(folder):
        make_private_folder(folder)
        with _starting(folder, timeout):
            found = status(folder)
            return found if found.running else _start(folder, _options(api_port, files_port, parent), deadline)


def status(data_dir: Path | str) -> Status:
    """Return whether the server of this data directory is running, and its URLs."""
    folder = Path(data_dir).absolute()
    state = read_state(folder)
    if state is None or not _answers(state):
        return Status(running=False, data_dir=str(folder), config_file=str(folder / CONFIG))
    return Status(
        running=True,
        data_dir=str(folder),
        config_file=str(folder / CONFIG),
        api_url=state.api_url,
        files_url=state.files_url,
        web_url=state.api_url,
        pid=state.pid,
    )


def down(data_dir: Path | str) -> bool:
    """Stop the server with SIGTERM, then SIGKILL. Returns False if none was running.

    Raises:
        Failure: The process is unknown, belongs to another user, or does not end.
    """
    folder = Path(data_dir).absolute()
    _collect()
    with _folder_problems(folder):
        if not is_locked(folder):
            return False
        state = read_state(folder)
        if state is None or own_process(state) is None:
            raise Failure(f"{folder} is locked by a process that {STATE} does not name; end this process by hand")
        _end(state)
        return True


def logs(data_dir: Path | str, lines: int = 100) -> list[str]:
    """Return the last lines of the server's log; raises Failure if there is no log."""
    path = Path(data_dir).absolute() / LOG
    if not path.is_file():
        raise Failure(f"{path} does not exist: no server was started on this data directory")
    text = path.read_text(encoding="utf-8", errors="replace")
    return text.splitlines()[-lines:] if lines > 0 else []


def reset(data_dir: Path | str) -> None:
    """Remove all data of a stopped server, and no other files in its data directory.

    Raises:
        Failure: The server is running.
    """
    folder = Path(data_dir).absolute()
    if not folder.is_dir():
        return
    lock = server_lock(folder)
    with _folder_problems(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Failure(
                f"the server of {folder} is running; stop it first: python -m clearml_flows.localserver down"
            ) from None
        with lock:
            _remove(folder)
        lock.release()


def _remove(folder: Path) -> None:
    plain = [folder / name for name in (FILES, STAGING, LEAVING)]
    for path in (*plain, *folder.glob(f"{DRAFT}*"), *folder.glob(f"{ASIDE}*")):
        if path.exists():
            shutil.rmtree(path)
    database = [DATABASE + ending for ending in ("", "-wal", "-shm", "-journal")]
    for name in (JOURNAL, *database, CREDENTIALS, CONFIG, STATE, PORTS, LOG):
        (folder / name).unlink(missing_ok=True)


def _options(api_port: int, files_port: int, parent: int | None) -> list[str]:
    options = [f"--api-port={api_port}", f"--files-port={files_port}"]
    return options if parent is None else [*options, f"--parent={parent}"]


def _start(folder: Path, options: list[str], deadline: float) -> Status:
    log = folder / LOG
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "ab") as output:
        before = output.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "clearml_flows.localserver", "serve", f"--data-dir={folder}", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=_child_environment(),
            # A new session, so that Ctrl-C in the terminal does not stop the server.
            start_new_session=True,
            creationflags=_DETACHED,
        )
    _started[child.pid] = child
    while time.monotonic() < deadline:
        # Poll the child before the status: a child that found a running server has ended, and that server answers.
        ended = child.poll() is not None
        found = status(folder)
        if found.running:
            return found
        if ended:
            del _started[child.pid]
            raise Failure(_last_line(log, before) or f"the server ended with exit code {child.returncode}; see {log}")
        time.sleep(_POLL_SECONDS)
    child.kill()
    child.wait()
    del _started[child.pid]
    raise Failure(f"the server did not answer in time and was killed; see {log}")


def _child_environment() -> dict[str, str]:
    paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}


def _last_line(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _answers(state: ServerState) -> bool:
    """Return True if the server that wrote this state answers on its port.

    Another program on the port has no matching instance header.
    """
    if not state.api_port:
        return False
    connection = http.client.HTTPConnection("127.0.0.1", state.api_port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/debug.ping")
        return connection.getresponse().getheader(INSTANCE_HEADER) == state.instance
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(state: ServerState) -> None:
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        process = own_process(state)
        if process is None:
            break
        try:
            ask(process)
        except psutil.NoSuchProcess:
            break
        except psutil.AccessDenied:
            raise Failure(f"process {state.pid} belongs to another user; ask this user to end it") from None
        _wait_for_end(state)
    if own_process(state) is not None:
        raise Failure(f"process {state.pid} does not end after SIGKILL; the system may be waiting for a disk")
    child = _started.pop(state.pid, None)
    if child is not None:
        child.wait()


def _collect() -> None:
    """Forget the servers started by this process that have ended."""
    for pid in [pid for pid, child in _started.items() if child.poll() is not None]:
        del _started[pid]


def _wait_for_end(state: ServerState) -> None:
    # psutil's wait() counts a zombie as running. In a container, the init process may never collect it.
    deadline = time.monotonic() + _STOP_SECONDS
    while own_process(state) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


@contextmanager
def _starting(folder: Path, timeout: float) -> Iterator[None]:
    lock = FileLock(folder / STARTING_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise Failure(f"another start of the server of {folder} did not finish in {timeout:.0f} s; try again") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _folder_problems(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure(f"cannot use the data directory {folder}: {error.strerror or error}") from None
