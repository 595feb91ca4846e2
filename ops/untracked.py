"""A step as a plain function, without a backend: `python -m ops.untracked REQUEST`, a process of its own.

The request is a JSON file, `{step, arguments, folder, result}`. What the step stores are files of `folder`, what it
prints is printed, what it reports is dropped; what it returned, or why it failed, is written to the file `result`. A
reference that it returns names its folder as the task, so another step without a backend can take it.
"""

import importlib
import inspect
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import clearml
from clearml.backend_api.session import client

from components.artifacts import file_sha256


class FolderTask:
    """What these steps use of a ClearML Task, on a folder: artifacts are its files, by their names less suffixes."""

    project = ""

    def __init__(self, folder: str) -> None:
        self.id, self._folder = folder, Path(folder)

    @property
    def artifacts(self) -> Any:
        return SimpleNamespace(get=self._artifact)

    def _artifact(self, name: str) -> Any:
        files = [path for path in self._folder.iterdir() if path.stem == name and path.is_file()]
        return SimpleNamespace(url=str(files[0]), hash=file_sha256(str(files[0]))) if files else None

    def upload_artifact(self, name: str, path: Path, wait_on_upload: bool = True) -> None:
        del wait_on_upload  # there is nothing to wait for
        shutil.copyfile(path, self._folder / f"{name}{path.suffix}")

    def get_logger(self) -> Any:
        return SimpleNamespace(report_table=_nothing)

    def set_comment(self, text: str) -> None:
        """The exception tells it."""

    def flush(self, wait_for_uploads: bool = False) -> None:
        """There is nothing that waits."""

    def _set_runtime_properties(self, properties: dict[str, Any]) -> None:
        """There is no page to show them."""


def main(request: Path) -> None:
    """Runs what the request asks for."""
    asked = json.loads(request.read_text("utf-8"))
    task = FolderTask(asked["folder"])
    _stand_in(task)
    step = inspect.unwrap(getattr(importlib.import_module(f"components.{asked['step']}"), asked["step"]))
    try:
        told = {"returned": step(**asked["arguments"])}
    except (ValueError, RuntimeError, OSError) as error:
        told = {"error": str(error)}
    except Exception as error:  # whatever it is, its text alone may say nothing
        told = {"error": f"{type(error).__name__}: {error}"}
    Path(asked["result"]).write_text(json.dumps(told), "utf-8")


def _stand_in(task: FolderTask) -> None:
    """Steps import the Task and the client when they run; these are the ones that they get then."""
    vars(clearml)["Task"] = SimpleNamespace(
        current_task=lambda: task,
        get_task=lambda task_id: FolderTask(task_id) if Path(task_id).is_dir() else None,
        query_tasks=lambda **_: [],
    )
    tasks = SimpleNamespace(get_by_id=lambda **_: SimpleNamespace(data=SimpleNamespace(tags=[])), edit=_nothing)
    vars(client)["APIClient"] = lambda: SimpleNamespace(tasks=tasks)


def _nothing(*_: Any, **__: Any) -> None:
    pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
