"""The models of this project in ClearML's registry: found by name and version, or by id, in pages."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.moves import find_production
from components.registry import find_models, model_value
from components.reports import make_client
from flows.api import Api
from flows.backend import Backend, connect
from flows.errors import BadInput, FlowsError
from flows.names import did_you_mean
from flows.settings import load
from ops.lookup import find_by_id

FIELDS = ["id", "name", "project", "uri", "tags", "metadata", "created", "task"]
PAGE = 500
NOTHING_YET = "; none is registered yet: run the flow first"


@dataclass(frozen=True)
class Registry:
    """Where the models are: `project_id` is empty if nothing was registered yet.

    What is listed comes as the API tells models, in pages; `named`, `by_id` and `version` give entries of the SDK's
    client, which promotions work on.
    """

    backend: Backend
    project: str
    project_id: str

    @cached_property
    def client(self) -> Any:
        return make_client()

    @property
    def api(self) -> Api:
        return self.backend.api

    @property
    def embedded(self) -> bool:
        return self.backend.kind == "embedded"

    def query(self, fields: list[str], size: int, page: int = 0, **filters: Any) -> list[dict[str, Any]]:
        """A page of the models that are not archived, the newest first unless the filters say otherwise."""
        if not self.project_id:
            return []
        known = {"project": [self.project_id], "system_tags": ["-archived"], "order_by": ["-created"]}
        body = {**known, **filters, "only_fields": fields, "page": page, "page_size": size}
        return list(self.api.call("models.get_all", **body)["models"])

    def every(self, fields: list[str], **filters: Any) -> Iterator[dict[str, Any]]:
        """All models that `query` finds, page by page: for few fields only."""
        page = 0
        while found := self.query(fields, PAGE, page, **filters):
            yield from found
            page += 1
            if len(found) < PAGE:
                return

    def names(self) -> list[str]:
        """The names that models have, sorted."""
        return sorted({model["name"] for model in self.every(["id", "name"])})

    def named(self, name: str) -> list[Any]:
        """The models of this name, the newest first. Raises BadInput, with the names known, if there is none."""
        found = find_models(self.client, name, self.project_id) if self.project_id else []
        if not found:
            self.refuse_name(name)
        return found

    def refuse_name(self, name: str) -> None:
        """Raises BadInput if no model has this name."""
        if not self.query(["id"], 1, **exactly(name)):
            known = did_you_mean(name, self.names()) or NOTHING_YET
            raise BadInput(f"no model in {self.project} is called {name!r}{known}")

    def refuse_tag(self, tag: str) -> None:
        """Raises BadInput if no model has this tag."""
        tags = self.api.call("projects.get_model_tags", projects=[self.project_id])["tags"] if self.project_id else []
        if tag not in tags:
            raise BadInput(f"no model in {self.project} has the tag {tag!r}{did_you_mean(tag, tags)}")

    def only_name(self) -> str:
        """The name that all models have. Raises BadInput if there is none or more than one."""
        names = self.names()
        if len(names) != 1:
            known = f"; say which: {', '.join(names)}" if names else NOTHING_YET
            raise BadInput(f"there are models of {len(names)} names in {self.project}{known}")
        return names[0]

    def find(self, typed: str) -> dict[str, Any]:
        """The model whose id is `typed` or begins with it, as the API tells it. Raises BadInput if not one is."""
        # Without a project, all would do.
        among = {"project": [self.project_id or "none"], "system_tags": ["-archived"]}
        return find_by_id(self.api, "models", typed, "model", FIELDS, f"in {self.project}", **among)

    def by_id(self, typed: str) -> Any:
        """The entry of the model whose id is `typed` or begins with it. Raises BadInput if not one is."""
        return self.entry(self.find(typed)["id"])

    def entry(self, model_id: str) -> Any:
        """The entry of a model that is there."""
        return self.client.models.get_all(id=[model_id], only_fields=FIELDS)[0]

    def version(self, name: str, version: str | int) -> Any:
        """The model of this name that is `production`, `latest`, or has this number or id; BadInput if none is."""
        self.refuse_name(name)
        if version == "production":
            return self._production(name)
        wanted = str(version)
        if wanted == "latest":
            numbered: dict[str, Any] = {"metadata.version.key": ["version"]}
            found = self.query(["id", "metadata.version"], 20, **exactly(name), **numbered)
            found = sorted(found, key=lambda model: number_of(model.get("metadata") or {}))[-1:]
        else:
            known: dict[str, Any] = {**exactly(name), "metadata.version.value": [wanted]}
            found = self.query(["id"], 1, **known) or self.query(["id"], 1, **exactly(name), id=[wanted])
        if not found:
            numbers = sorted(number_of(model.get("metadata") or {}) for model in self._numbers(name))
            told = ", ".join(map(str, filter(None, numbers[-12:]))) or "none"
            raise BadInput(f"model {name} has no version {wanted!r}; there are {told}")
        return self.entry(found[0]["id"])

    def _production(self, name: str) -> Any:
        found = self.query(["id"], 1, **exactly(name), tags=["production"])
        # None has the tag while it moves: then all of them tell which it was.
        entry = self.entry(found[0]["id"]) if found else find_production(self.named(name))
        if entry is None:
            raise BadInput(f"no model {name} is in production; `flows models promote ID` puts one there")
        return entry

    def _numbers(self, name: str) -> Iterator[dict[str, Any]]:
        return self.every(["id", "metadata.version"], **exactly(name))


def exactly(name: str) -> dict[str, Any]:
    """The filter for models of this name."""
    return {"name": f"^{re.escape(name)}$"}


def version_number(entry: Any) -> int:
    """The number of a model among those of its name; 0 if it has none."""
    number = model_value(entry, "version")
    return int(number) if number.isdecimal() else 0


def number_of(metadata: Mapping[str, Any]) -> int:
    """`version_number` of a model's metadata as the API tells them."""
    number = str((metadata.get("version") or {}).get("value") or "")
    return int(number) if number.isdecimal() else 0


def facts_of(entry: Any) -> dict[str, Any]:
    """A model's metadata with their types, without the records of promotions."""
    items = entry.data.metadata or {}
    plain = {
        key: item if isinstance(item, dict) else {"type": item.type, "value": item.value} for key, item in items.items()
    }
    return typed_facts(plain)


def typed_facts(metadata: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Metadata as the API tells them with their types, without the records of promotions."""
    return {
        key: _from_text(str(item.get("value") or ""), str(item.get("type")))
        for key, item in sorted(metadata.items())
        if not key.startswith("move-")
    }


def open_registry() -> Registry:
    """The registry of the configured backend. Raises Unreachable if none answers."""
    settings = load()
    backend = connect(settings)
    # Before the SDK's session is made, which reads them once.
    os.environ.update(backend.environment)
    project = f"{settings.project.name}/models"
    found = backend.api.call("projects.get_all", name=f"^{re.escape(project)}$", only_fields=["id"], search_hidden=True)
    ids = [one["id"] for one in found["projects"]]
    return Registry(backend, project, ids[0] if ids else "")


@contextmanager
def told_by(backend: Backend) -> Iterator[None]:
    """Turns a refusal by the API, a broken transfer and a step's own error into a FlowsError."""
    try:
        yield
    except FlowsError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise FlowsError(str(error)) from error
    except Exception as error:
        # Imported here: it takes a second, and not every command needs it.
        from clearml.backend_api.session.client import APIError

        if not isinstance(error, APIError):
            raise
        raise FlowsError(f"{backend.api.url} refused: {error.message}") from None


def _from_text(text: str, kind: str) -> Any:
    if kind == "str":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
