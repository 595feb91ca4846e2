"""Beginning of each step's script: make the modules of the step importable."""

import base64
import hashlib
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from clearml import Task


def import_modules(names: list[str], sha256: str) -> "tempfile.TemporaryDirectory[str] | None":
    """Make the modules importable, from this machine or from a Task.

    Files on `sys.path` are used if they are the same. Else the nearest Task upwards that has the modules gives them.

    Returns a folder that is removed when the step ends. Raises RuntimeError if no Task has the modules.
    """
    if sha256_of(names, read_installed) == sha256:
        return None
    task = Task.get_task(task_id=os.environ["CLEARML_TASK_ID"])
    while task is not None:
        packed = io.BytesIO(base64.b64decode(task.get_configuration_object("code") or ""))
        if packed.getbuffer().nbytes and sha256_of(names, zipfile.ZipFile(packed).read) == sha256:
            folder = tempfile.TemporaryDirectory(prefix="flows-")
            zipfile.ZipFile(packed).extractall(folder.name, names)
            sys.path.insert(0, folder.name)
            return folder
        task = Task.get_task(task_id=task.parent) if task.parent else None
    raise RuntimeError("neither this Task nor a Task above it has the modules that the step was made with")


def sha256_of(names: Iterable[str], read: Callable[[str], bytes]) -> str:
    """Return the sha256 over names and contents. Empty if a file is missing."""
    digest = hashlib.sha256()
    try:
        for name in names:
            digest.update(name.encode() + b"=" + hashlib.sha256(read(name)).digest())
    except (KeyError, OSError):
        return ""
    return digest.hexdigest()


def read_installed(name: str) -> bytes:
    """Return the file's content from the first folder of `sys.path` that has it."""
    paths = [Path(folder, name) for folder in sys.path]
    return next((path for path in paths if path.is_file()), Path(name)).read_bytes()
