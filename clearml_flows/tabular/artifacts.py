"""Pass files between steps as artifacts of a Task, verified by size and sha256."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from clearml_flows.tabular.failure import tell_transient


def dump_ref(reference: dict[str, Any]) -> str:
    """Return the reference as canonical JSON: keys sorted, no blanks, no NaN."""
    return json.dumps(reference, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def load_ref(text: str) -> dict[str, Any]:
    """Parse the text of `dump_ref`.

    Raises:
        ValueError: the text is not a JSON object. ClearML passes `None` if a step returned nothing.
    """
    try:
        reference = json.loads(text)
    except (TypeError, ValueError):
        reference = None
    if not isinstance(reference, dict):
        raise ValueError(
            f"expected the reference that an earlier step returns, as a JSON object, but got {text!r:.200}"
        )
    return reference


def file_sha256(path: str) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:  # noqa: PTH123 - one line and no import in every step that this travels with
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_artifact(task: Any, name: str, path: str, tries: int = 6, pause_s: float = 1.0) -> dict[str, Any]:
    """Store a file as an artifact of the Task, then read record and bytes back.

    The SDK tries an upload three times within 20 ms, so a restart of the file server loses the file. Here the upload is
    retried with pauses that double: by default for half a minute.

    Returns:
        `{task, artifact, sha256, bytes}`, the reference that `fetch_artifact` needs.

    Raises:
        RuntimeError: after the last try the backend did not have an equal file.
    """
    from clearml import Task

    reference = {"task": task.id, "artifact": name, "sha256": file_sha256(path), "bytes": Path(path).stat().st_size}
    problem = ""
    for attempt in range(tries):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            task.upload_artifact(name, Path(path), wait_on_upload=True)
            record = Task.get_task(task_id=task.id).artifacts.get(name)
            if record is None or record.hash != reference["sha256"]:
                raise ValueError("the backend has no record of it, or another one")
            for _ in stream_file(record.url, reference["sha256"], reference["bytes"]):
                pass
            return reference
        except (OSError, ValueError) as error:
            problem = str(error)
        print(f"artifact {name} was not stored, try {attempt + 1} of {tries}: {problem}")
    tell_transient()
    raise RuntimeError(f"artifact {name} could not be stored in {tries} tries: {problem}; is the file server up?")


def upload_file(path: str, url: str, tries: int = 6, pause_s: float = 1.0) -> None:
    """Upload a file to the file server and read it back, with retries as in `save_artifact`.

    Raises:
        RuntimeError: after the last try the file server did not have an equal file.
    """
    from clearml import StorageManager

    sha256, problem = file_sha256(path), ""
    for attempt in range(tries):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            StorageManager.upload_file(path, url)
            for _ in stream_file(url, sha256, Path(path).stat().st_size):
                pass
            return
        except (OSError, ValueError) as error:
            problem = str(error)
    tell_transient()
    raise RuntimeError(f"{url} could not be stored in {tries} tries: {problem}; is the file server up?")


def earlier_reference(task: Any, name: str, sha256: str, max_bytes: int) -> dict[str, Any] | None:
    """Return the reference of an earlier Task of the project for a file of this sha256.

    The Task must be completed, have the tag `sha256:…`, and still have the artifact intact. Returns None otherwise.
    """
    from clearml import Task

    same = {"project": [task.project], "status": ["completed"], "order_by": ["created"]}
    for task_id in Task.query_tasks(tags=[f"sha256:{sha256}"], task_filter=same):
        earlier = Task.get_task(task_id=task_id)
        try:
            reference = load_ref(earlier.get_parameter(f"return/{name}"))
            record = earlier.artifacts.get(reference["artifact"])
            if record is None or (reference["task"], reference["sha256"]) != (task_id, sha256):
                continue
            for _ in stream_file(record.url, sha256, max_bytes):
                pass
            return reference
        except (OSError, ValueError, KeyError) as error:
            print(f"task {task_id} had the same bytes, but they are not usable: {error}")
    return None


def fetch_artifact(reference: dict[str, Any], folder: str, max_bytes: int) -> str:
    """Download the artifact of a reference `{task, artifact, sha256}` into the folder.

    Returns:
        The file's path. Size and sha256 are verified, the format is not.

    Raises:
        ValueError: the artifact is missing, larger than `max_bytes`, or differs from the reference.
    """
    from clearml import Task

    task = Task.get_task(task_id=reference["task"])
    record = task.artifacts.get(reference["artifact"]) if task else None
    if record is None:
        raise ValueError(
            f"task {reference['task']} has no artifact {reference['artifact']}: was it deleted? Run the flow again"
        )
    return fetch_file(record.url, reference["sha256"], max_bytes, folder, reference["artifact"])


def fetch_file(
    url: str, sha256: str, max_bytes: int, folder: str, name: str, tries: int = 4, pause_s: float = 0.5
) -> str:
    """Download a stored file to `folder/name`; an interrupted transfer is retried.

    Returns:
        The file's path.

    Raises:
        ValueError: it is missing, larger than `max_bytes`, or has another sha256. No file is left.
        OSError: every transfer was interrupted.
    """
    path = Path(folder, name)
    for attempt in range(tries):
        try:
            with path.open("wb") as file:
                for chunk in stream_file(url, sha256, max_bytes):
                    file.write(chunk)
            return str(path)
        except (OSError, ValueError) as error:
            path.unlink()
            if isinstance(error, ValueError):
                raise
            if attempt + 1 == tries:
                tell_transient()
                raise
            print(f"fetching {name} broke off, try {attempt + 1} of {tries}: {error}")
        time.sleep(pause_s * 2**attempt)
    raise ValueError(f"tries is {tries}, at least 1 is needed")


def stream_file(url: str, sha256: str, max_bytes: int) -> Any:
    """Yield a stored file's bytes in chunks, bypassing the SDK's cache, which checks no sha256.

    Raises:
        ValueError: it is missing, longer than `max_bytes`, or, after the last chunk, has another sha256.
        OSError: the transfer was interrupted.
    """
    from clearml import StorageManager

    chunks = StorageManager.get_stream(url)
    if chunks is None:
        raise ValueError(f"{url} could not be read: was it deleted from the file server?")
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise ValueError(f"{url} is larger than the {max_bytes} bytes allowed: raise the limit if this is right")
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise ValueError(
            f"{url} has sha256 {digest.hexdigest()}, not {sha256}: it was changed or damaged after it was stored"
        )
