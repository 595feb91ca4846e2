"""Versions of the project's ClearML Datasets, found by id, name, version or content."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput
from clearml_flows.settings import load
from clearml_flows.spelling import did_you_mean

FIELDS = [
    "id",
    "name",
    "project",
    "tags",
    "created",
    "completed",
    "status",
    "comment",
    "runtime",
    "hyperparams.properties",
]
IS_DATASET = {"type": ["data_processing"], "system_tags": ["__$all", "dataset", "__$not", "archived"]}
FINISHED = {**IS_DATASET, "status": ["completed", "published"]}
PAGE = 500


@dataclass(frozen=True)
class Catalog:
    """Datasets of a project on a backend."""

    backend: Backend
    project: str

    @property
    def api(self) -> Api:
        return self.backend.api

    @cached_property
    def names(self) -> dict[str, str]:
        """Return dataset names by project id. ClearML keeps each dataset in a hidden project."""
        begin = f"{self.project}/.datasets/"
        query = {"name": f"^{re.escape(begin)}", "search_hidden": True, "only_fields": ["id", "name"]}
        return {one["id"]: one["name"].removeprefix(begin) for one in self._all("projects", **query)}

    def versions(self, name: str = "", top: int = PAGE, **filters: Any) -> list[dict[str, Any]]:
        """Return the newest `top` finished versions as Tasks of the API.

        Raises BadInput if no dataset has this name. The message suggests a name.
        """
        projects = self.projects(name) if name else list(self.names)
        if not projects:
            return []
        query = {"project": projects, **FINISHED, "order_by": ["-created"], "search_hidden": True, **filters}
        tasks = self.api.call("tasks.get_all", **query, only_fields=FIELDS, page=0, page_size=top)["tasks"]
        return list(tasks)

    def refuse_tag(self, tag: str) -> None:
        """Raise BadInput if no version has this tag."""
        tags = self.api.call("projects.get_task_tags", projects=list(self.names))["tags"] if self.names else []
        if tag not in tags:
            known = did_you_mean(tag, (one for one in tags if not one.startswith("sha256:")))
            raise BadInput(f"no dataset in {self.project} has the tag {tag!r}{known}")

    def projects(self, name: str) -> list[str]:
        """Return the project ids of a dataset name. Raises BadInput if there is no such dataset."""
        found = [one for one, called in self.names.items() if called == name]
        if not found:
            known = did_you_mean(name, self.names.values()) or "; `flows datasets create` makes one"
            raise BadInput(f"no dataset in {self.project} is called {name!r}{known}")
        return found

    def all_versions(self, name: str, **filters: Any) -> list[dict[str, Any]]:
        """Return all finished versions of a name, earliest first. Empty if there is no such name."""
        if name not in self.names.values():
            return []
        query = {"project": self.projects(name), **FINISHED, "search_hidden": True, **filters}
        found = self._all("tasks", **query, order_by=["-created"], only_fields=FIELDS)
        return sorted(found, key=lambda task: (task.get("completed") or task["created"], task["id"]))

    def by_id(self, typed: str) -> dict[str, Any]:
        """Return the version whose id is `typed` or starts with it.

        Raises BadInput if there is none, or more than one.
        """
        # An empty list of projects would match all projects.
        among = {"project": list(self.names) or ["none"], **IS_DATASET}
        return find_by_id(self.api, "tasks", typed, "dataset", FIELDS, f"in {self.project}", **among)

    def by_ids(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the existing versions among these ids, by id."""
        if not ids:
            return {}
        query = {"id": ids, "search_hidden": True, "only_fields": FIELDS, "page_size": PAGE}
        return {task["id"]: task for task in self.api.call("tasks.get_all", **query)["tasks"]}

    def name_of(self, task: dict[str, Any]) -> str:
        project = task.get("project")
        return self.names.get(str(project["id"] if isinstance(project, dict) else project)) or str(task["name"])

    def _all(self, entity: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.api.call(f"{entity}.get_all", **query, page=len(found) // PAGE, page_size=PAGE)[entity]
            found += page
            if len(page) < PAGE:
                return found


def open_catalog() -> Catalog:
    """Return the datasets of the configured backend. Raises Unreachable if none answers."""
    settings = load()
    backend = connect(settings)
    # The SDK's session reads these variables once, so they are set before.
    os.environ.update(backend.environment)
    return Catalog(backend, settings.project.name)


def property_of(task: dict[str, Any], name: str) -> str:
    """Return a user property of a version, or an empty text."""
    item = ((task.get("hyperparams") or {}).get("properties") or {}).get(name) or {}
    return str(item.get("value") or "")


def version_of(task: dict[str, Any]) -> str:
    return str((task.get("runtime") or {}).get("version") or property_of(task, "version"))


def sha256_of(task: dict[str, Any]) -> str:
    """Return the sha256 of a version's content. Empty if another program made the version."""
    return next((tag.removeprefix("sha256:") for tag in task.get("tags") or [] if tag.startswith("sha256:")), "")
