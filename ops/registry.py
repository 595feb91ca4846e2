"""The models of this project in ClearML's registry: found by name and version, or by id."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from components.moves import find_production
from components.registry import find_models, model_value
from components.reports import make_client
from flows.backend import Backend, connect
from flows.errors import BadInput, FlowsError
from flows.settings import load

FIELDS = ["id", "name", "project", "uri", "tags", "metadata", "created"]


@dataclass(frozen=True)
class Registry:
    """A client of the backend, and where the models are: `project_id` is empty if nothing was registered yet."""

    client: Any
    backend: Backend
    project: str
    project_id: str

    @property
    def embedded(self) -> bool:
        return self.backend.kind == "embedded"

    def models(self) -> list[Any]:
        """All models that are not archived, the newest first."""
        if not self.project_id:
            return []
        query = {"project": [self.project_id], "system_tags": ["-archived"], "order_by": ["-created"]}
        return list(self.client.models.get_all(**query, only_fields=FIELDS, page=0, page_size=500))

    def named(self, name: str) -> list[Any]:
        """The models of this name, the newest first. Raises BadInput, with the names known, if there is none."""
        found = find_models(self.client, name, self.project_id) if self.project_id else []
        if not found:
            names = sorted({entry.name for entry in self.models()})
            known = f"there are {', '.join(names)}" if names else "none is registered yet: run the flow first"
            raise BadInput(f"no model in {self.project} is called {name!r}; {known}")
        return found

    def only_name(self) -> str:
        """The name that all models have. Raises BadInput if there is none or more than one."""
        names = sorted({entry.name for entry in self.models()})
        if len(names) != 1:
            known = f"say which: {', '.join(names)}" if names else "none is registered yet: run the flow first"
            raise BadInput(f"there are models of {len(names)} names in {self.project}; {known}")
        return str(names[0])

    def by_id(self, model_id: str) -> Any:
        """The model of this id. Raises BadInput if there is none in this project, or it is archived."""
        for entry in self.models():
            if entry.id == model_id:
                return entry
        found = self.client.models.get_all(id=[model_id], system_tags=["-archived"], only_fields=FIELDS)
        if not len(found) or found[0].project != self.project_id:
            raise BadInput(f"no model in {self.project} has the id {model_id!r}; `flows models list` lists them")
        return found[0]

    def version(self, name: str, version: str | int) -> Any:
        """The model of this name that is `production`, `latest`, or has this number or id; BadInput if none is."""
        entries = self.named(name)
        found: Any = None
        if version == "production":
            found = find_production(entries)
        elif version == "latest":
            found = max((one for one in entries if model_value(one, "sha256")), key=version_number, default=None)
        else:
            wanted = (str(version), int(version) if str(version).isdecimal() else -1)
            found = next((one for one in entries if one.id == wanted[0] or version_number(one) == wanted[1]), None)
        if found is None and version == "production":
            raise BadInput(f"no model {name} is in production; `flows models promote ID` puts one there")
        if found is None:
            numbers = ", ".join(str(number) for number in sorted(map(version_number, entries)) if number)
            raise BadInput(f"model {name} has no version {str(version)!r}; there are {numbers or 'none'}")
        return found


def version_number(entry: Any) -> int:
    """The number of a model among those of its name; 0 if it has none."""
    number = model_value(entry, "version")
    return int(number) if number.isdecimal() else 0


def facts_of(entry: Any) -> dict[str, Any]:
    """A model's metadata with their types, without the records of promotions."""
    facts = {}
    for key in sorted(entry.data.metadata or {}):
        if not key.startswith("move-"):
            text = model_value(entry, key)
            facts[key] = text if _type_of(entry, key) == "str" else _from_json(text)
    return facts


def open_registry() -> Registry:
    """The registry of the configured backend. Raises Unreachable if none answers."""
    settings = load()
    backend = connect(settings)
    # Before the SDK's session is made, which reads them once.
    os.environ.update(backend.environment)
    project = f"{settings.project.name}/models"
    found = backend.api.call("projects.get_all", name=f"^{re.escape(project)}$", only_fields=["id"], search_hidden=True)
    ids = [one["id"] for one in found["projects"]]
    return Registry(make_client(), backend, project, ids[0] if ids else "")


@contextmanager
def told_by(backend: Backend) -> Iterator[None]:
    """Turns a refusal by the API, a broken transfer and a step's own error into a FlowsError."""
    from clearml.backend_api.session.client import APIError

    try:
        yield
    except APIError as error:
        raise FlowsError(f"{backend.api.url} refused: {error.message}") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise FlowsError(str(error)) from error


def _type_of(entry: Any, key: str) -> str:
    item = entry.data.metadata[key]
    return str(item.get("type") if isinstance(item, dict) else item.type)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
