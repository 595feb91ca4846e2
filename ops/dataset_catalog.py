"""The versions of this project's ClearML Datasets: found by id, name, version or content, in pages."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.api import Api
from flows.backend import Backend, connect
from flows.errors import BadInput
from flows.names import did_you_mean
from flows.settings import load
from ops.lookup import find_by_id

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
    """The datasets of a project on a backend."""

    backend: Backend
    project: str

    @property
    def api(self) -> Api:
        return self.backend.api

    @cached_property
    def names(self) -> dict[str, str]:
        """The datasets' names by the ids of ClearML's hidden projects, each of which holds a dataset's versions."""
        begin = f"{self.project}/.datasets/"
        query = {"name": f"^{re.escape(begin)}", "search_hidden": True, "only_fields": ["id", "name"]}
        return {one["id"]: one["name"].removeprefix(begin) for one in self._all("projects", **query)}

    def versions(self, name: str = "", top: int = PAGE, **filters: Any) -> list[dict[str, Any]]:
        """The newest `top` finished versions, as the API tells Tasks.

        Raises BadInput, with the names known, if no dataset has this name.
        """
        projects = self.projects(name) if name else list(self.names)
        if not projects:
            return []
        query = {"project": projects, **FINISHED, "order_by": ["-created"], "search_hidden": True, **filters}
        tasks = self.api.call("tasks.get_all", **query, only_fields=FIELDS, page=0, page_size=top)["tasks"]
        return list(tasks)

    def refuse_tag(self, tag: str) -> None:
        """Raises BadInput if no version has this tag."""
        tags = self.api.call("projects.get_task_tags", projects=list(self.names))["tags"] if self.names else []
        if tag not in tags:
            known = did_you_mean(tag, (one for one in tags if not one.startswith("sha256:")))
            raise BadInput(f"no dataset in {self.project} has the tag {tag!r}{known}")

    def projects(self, name: str) -> list[str]:
        """The ids of the projects of this name's versions. Raises BadInput if there is no such dataset."""
        found = [one for one, called in self.names.items() if called == name]
        if not found:
            known = did_you_mean(name, self.names.values()) or "; `flows datasets create` makes one"
            raise BadInput(f"no dataset in {self.project} is called {name!r}{known}")
        return found

    def all_versions(self, name: str, **filters: Any) -> list[dict[str, Any]]:
        """All finished versions of a name, in the order in which they were finished; none if there is no such name."""
        if name not in self.names.values():
            return []
        query = {"project": self.projects(name), **FINISHED, "search_hidden": True, **filters}
        found = self._all("tasks", **query, order_by=["-created"], only_fields=FIELDS)
        return sorted(found, key=lambda task: (task.get("completed") or task["created"], task["id"]))

    def by_id(self, typed: str) -> dict[str, Any]:
        """The version whose id is `typed` or begins with it. Raises BadInput if none or more than one is."""
        # Without projects, all would do.
        among = {"project": list(self.names) or ["none"], **IS_DATASET}
        return find_by_id(self.api, "tasks", typed, "dataset", FIELDS, f"in {self.project}", **among)

    def by_ids(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """The versions of these ids that are still there, by id."""
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
    """The datasets on the configured backend. Raises Unreachable if none answers."""
    settings = load()
    backend = connect(settings)
    # Before the SDK's session is made, which reads them once.
    os.environ.update(backend.environment)
    return Catalog(backend, settings.project.name)


def property_of(task: dict[str, Any], name: str) -> str:
    """A user property of a version; empty if it has none of this name."""
    item = ((task.get("hyperparams") or {}).get("properties") or {}).get(name) or {}
    return str(item.get("value") or "")


def version_of(task: dict[str, Any]) -> str:
    return str((task.get("runtime") or {}).get("version") or property_of(task, "version"))


def sha256_of(task: dict[str, Any]) -> str:
    """The sha256 of a version's content; empty if it was made by another program."""
    return next((tag.removeprefix("sha256:") for tag in task.get("tags") or [] if tag.startswith("sha256:")), "")
