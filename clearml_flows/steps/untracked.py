"""Run a step as a plain function without a backend.

`python -m clearml_flows.steps.untracked REQUEST` runs it. The request is a JSON file,
`{step, arguments, folder, result}`. Artifacts of the step become files in `folder`, and its reports are dropped. Its
results or its error are written to the file `result`. Returned references name the folder as their task, so that
another step without a backend can take them.
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

from clearml_flows import project
from clearml_flows.tabular.artifacts import file_sha256


class FolderTask:
    """Replacement of a ClearML Task for these steps. Its artifacts are files in a folder."""

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
        del wait_on_upload  # a copy is complete at once
        shutil.copyfile(path, self._folder / f"{name}{path.suffix}")

    def get_logger(self) -> Any:
        return SimpleNamespace(report_table=_nothing)

    def set_comment(self, text: str) -> None:
        """Do nothing: the exception has the same text."""

    def flush(self, wait_for_uploads: bool = False) -> None:
        """Do nothing: files are written at once."""

    def _set_runtime_properties(self, properties: dict[str, Any]) -> None:
        """Do nothing: no page shows the properties."""


def main(request: Path) -> None:
    """Run the step of a request."""
    asked = json.loads(request.read_text("utf-8"))
    task = FolderTask(asked["folder"])
    _stand_in(task)
    project.add_to_path()
    step = inspect.unwrap(getattr(importlib.import_module(f"components.{asked['step']}"), asked["step"]))
    try:
        told = {"returned": step(**asked["arguments"])}
    except (ValueError, RuntimeError, OSError) as error:
        told = {"error": str(error)}
    except Exception as error:  # the text alone may be unclear, so the type is added
        told = {"error": f"{type(error).__name__}: {error}"}
    Path(asked["result"]).write_text(json.dumps(told), "utf-8")


def _stand_in(task: FolderTask) -> None:
    """Replace the SDK's Task and client, which steps import when they run."""
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
