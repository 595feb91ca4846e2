"""Inputs of a step that runs alone: a CSV file, JSON, or the result of an earlier Task."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.datasets.versions import Catalog, version_of
from clearml_flows.errors import BadInput
from clearml_flows.settings import Settings
from clearml_flows.steps.arguments import configured
from clearml_flows.steps.signatures import Parameter, Step, steps
from clearml_flows.tabular.artifacts import file_sha256

FIELDS = ["hyperparams.return", "system_tags"]
FILE = {"task", "artifact", "sha256"}
# Keys that a reference must have. docs/architecture.md lists all keys.
NEEDED = {
    "raw": FILE,
    "valid": FILE,
    "split": {"task", "train", "test"},
    "dataset": {"id", "sha256", "train_sha256", "test_sha256"},
    "sweep": {"dataset", "experiments", "best"},
    "model": {"id", "sha256"},
}
FIRST = "download"  # the step that reads a file

Run = Callable[[Step, Mapping[str, Any]], dict[str, str]]


@dataclass(frozen=True)
class Inputs:
    """Resolve typed inputs to references.

    `run` runs a step and returns its results, so that a CSV file can go through the earlier steps. Without a backend,
    only files and JSON are possible. `tell` gets a message about each input.
    """

    flow: str
    settings: Settings
    run: Run
    tell: Callable[[str], None]
    backend: Backend | None = None

    def reference(self, parameter: Parameter, typed: str) -> str:
        """Return the reference as JSON.

        Args:
            typed: a CSV file, JSON, or the id of a Task or dataset version, or its beginning. Empty: the flow's last
            result.

        Raises:
            BadInput: there is no such input, or the file is bad data.
        """
        if typed.lstrip().startswith("{"):
            return _checked(parameter, typed)
        if typed and Path(typed).expanduser().is_file():
            path = Path(typed).expanduser().absolute()
            rows = parameter.name == "valid" and path.suffix == ".parquet" and self.backend is None
            return _valid_rows(path) if rows else self._of_file(parameter, path)
        if self.backend is None:
            raise BadInput(
                f"without a backend {_option(parameter)} can be a CSV file that is there, or the JSON that "
                f"{parameter.from_step} returned, not {typed[:80]!r}"
            )
        text, origin = _known(self.backend, self.flow, self.settings, parameter, typed)
        self.tell(f"{parameter.name}: {origin}")
        return _checked(parameter, text)

    def _of_file(self, parameter: Parameter, path: Path) -> str:
        step = steps()[parameter.from_step]
        arguments = configured(step, self.flow, self.settings)
        if step.name == FIRST:
            arguments["source"] = str(path)
        for needed in step.parameters:
            if needed.from_step:
                arguments[needed.name] = self._of_file(needed, path)
        self.tell(f"{path.name} goes through {step.name}")
        return self.run(step, arguments)[parameter.name]


def _valid_rows(path: Path) -> str:
    """Return a reference to a parquet file of valid rows, for a step without a backend."""
    stored = {"task": str(path.parent), "artifact": path.stem, "sha256": file_sha256(str(path))}
    return json.dumps({**stored, "raw_sha256": "", "synthetic": False})


def _known(backend: Backend, flow: str, settings: Settings, parameter: Parameter, typed: str) -> tuple[str, str]:
    """Return the reference and its origin."""
    catalog = Catalog(backend, settings.project.name)
    if parameter.name == "dataset" and not typed:
        return _latest_dataset(catalog, flow)
    task = _typed(backend.api, parameter, typed) if typed else _last(backend.api, flow, settings, parameter)
    if parameter.name == "dataset" and "dataset" in (task.get("system_tags") or []):
        return _dataset_reference(catalog, task["id"])
    text = (((task.get("hyperparams") or {}).get("return") or {}).get(parameter.name) or {}).get("value")
    if not text:
        raise BadInput(f"{_option(parameter)}: Task {task['id']} ({task['name']}) has returned no {parameter.name}")
    return text, f"what Task {task['id']} ({task['name']}) returned"


def _checked(parameter: Parameter, text: str) -> str:
    """Return the text. Raises BadInput if it is no JSON object with the needed keys."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not NEEDED.get(parameter.name, set()) <= set(found):
        raise BadInput(
            f"{_option(parameter)} wants the JSON object that {parameter.from_step} returns, not {text[:80]!r}"
        )
    return text


def _latest_dataset(catalog: Catalog, flow: str) -> tuple[str, str]:
    """Return the newest version of the flow's dataset. Raises BadInput if there is none."""
    found = catalog.versions(flow, 1) if flow in catalog.names.values() else []
    if not found:
        raise BadInput(f"the flow {flow} has no dataset yet: run it first (`flows run {flow}`), or give the CSV file")
    return _dataset_reference(catalog, found[0]["id"])


def _dataset_reference(catalog: Catalog, typed: str) -> tuple[str, str]:
    """Return the reference of a version and its name. Raises BadInput if no flow made it."""
    from clearml_flows.tabular.datasets.dataset_files import read_manifest

    task = catalog.by_id(typed)
    told = {"id": task["id"], "name": catalog.name_of(task), "version": version_of(task)}
    called = f"version {told['version']} of dataset {told['name']} ({task['id']})"
    try:
        with tempfile.TemporaryDirectory() as folder:
            manifest = read_manifest(task["id"], folder)
    except (ValueError, OSError) as error:
        raise BadInput(f"{called} was not made by a flow, so it has no train and test rows: {error}") from error
    return json.dumps({**manifest, **told}, sort_keys=True, separators=(",", ":"), ensure_ascii=False), called


def _typed(api: Api, parameter: Parameter, typed: str) -> dict[str, Any]:
    if not re.fullmatch(r"[0-9a-f]{1,32}", typed):
        raise BadInput(
            f"{_option(parameter)} is {typed[:80]!r}: it can be a CSV file that is there, the id of a Task, or JSON"
        )
    try:
        return find_by_id(api, "tasks", typed, "run", FIELDS)
    except BadInput as error:
        found = str(error).partition(";")[0].replace("no run with", "no Task with").replace("run id", "Task id")
        raise BadInput(f"{_option(parameter)}: {found}; `flows runs show` lists the Tasks of a run's steps") from None


def _last(api: Api, flow: str, settings: Settings, parameter: Parameter) -> dict[str, Any]:
    """Return the last completed Task of the flow with this result."""
    name = f"{settings.project.name}/.pipelines/{flow}"
    query = {"name": f"^{re.escape(name)}$", "search_hidden": True, "only_fields": ["id"]}
    projects = [one["id"] for one in api.call("projects.get_all", **query)["projects"]]
    wanted = {"project": projects, "name": f"^{parameter.from_step}(_\\d+)?$", "status": ["completed", "published"]}
    body = {**wanted, "order_by": ["-completed"], "search_hidden": True, "page": 0, "page_size": 1}
    tasks = api.call("tasks.get_all", **body, only_fields=["id", "name", *FIELDS])["tasks"] if projects else []
    if not tasks:
        raise BadInput(
            f"no step {parameter.from_step} of the flow {flow} has completed: run it first (`flows run {flow}`), "
            f"or give {_option(parameter)}"
        )
    return dict(tasks[0])


def _option(parameter: Parameter) -> str:
    return f"--{parameter.name.replace('_', '-')}"
