"""Models of the project in ClearML's registry, found by name and version or by id."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.settings import load
from clearml_flows.spelling import did_you_mean
from clearml_flows.tabular.reporting import make_client

FIELDS = ["id", "name", "project", "uri", "tags", "metadata", "created", "task"]
PAGE = 500
NOTHING_YET = "; none is registered yet: run the flow first"


@dataclass(frozen=True)
class Registry:
    """The project's models. `project_id` is empty if no model is registered yet.

    Lists come as the API returns models, in pages. `named`, `by_id` and `version` return entries of the SDK's client,
    which promotions need.
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
        """Return a page of models that are not archived, newest first by default."""
        if not self.project_id:
            return []
        known = {"project": [self.project_id], "system_tags": ["-archived"], "order_by": ["-created"]}
        body = {**known, **filters, "only_fields": fields, "page": page, "page_size": size}
        return list(self.api.call("models.get_all", **body)["models"])

    def every(self, fields: list[str], **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield all models that `query` finds. Reads all pages, so ask for few fields only."""
        page = 0
        while found := self.query(fields, PAGE, page, **filters):
            yield from found
            page += 1
            if len(found) < PAGE:
                return

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        return sorted({model["name"] for model in self.every(["id", "name"])})

    def named(self, name: str) -> list[Any]:
        """Return the models of this name, newest first. Raises BadInput if there is none."""
        from clearml_flows.tabular.registry.entries import find_models

        found = find_models(self.client, name, self.project_id) if self.project_id else []
        if not found:
            self.refuse_name(name)
        return found

    def refuse_name(self, name: str) -> None:
        """Raise BadInput if no model has this name."""
        if not self.query(["id"], 1, **exactly(name)):
            known = did_you_mean(name, self.names()) or NOTHING_YET
            raise BadInput(f"no model in {self.project} is called {name!r}{known}")

    def refuse_tag(self, tag: str) -> None:
        """Raise BadInput if no model has this tag."""
        tags = self.api.call("projects.get_model_tags", projects=[self.project_id])["tags"] if self.project_id else []
        if tag not in tags:
            raise BadInput(f"no model in {self.project} has the tag {tag!r}{did_you_mean(tag, tags)}")

    def only_name(self) -> str:
        """Return the name that all models share. Raises BadInput if there is none or more than one."""
        names = self.names()
        if len(names) != 1:
            known = f"; say which: {', '.join(names)}" if names else NOTHING_YET
            raise BadInput(f"there are models of {len(names)} names in {self.project}{known}")
        return names[0]

    def find(self, typed: str) -> dict[str, Any]:
        """Return the model whose id is `typed` or starts with it, as the API returns it.

        Raises BadInput if there is none, or more than one.
        """
        # An empty list of projects would match all projects.
        among = {"project": [self.project_id or "none"], "system_tags": ["-archived"]}
        return find_by_id(self.api, "models", typed, "model", FIELDS, f"in {self.project}", **among)

    def by_id(self, typed: str) -> Any:
        """Return the SDK's entry of the model whose id is `typed` or starts with it.

        Raises BadInput if there is none, or more than one.
        """
        return self.entry(self.find(typed)["id"])

    def entry(self, model_id: str) -> Any:
        """Return the SDK's entry of an existing model."""
        return self.client.models.get_all(id=[model_id], only_fields=FIELDS)[0]

    def version(self, name: str, version: str | int) -> Any:
        """Return the SDK's entry of a version: `production`, `latest`, a number or an id.

        Raises BadInput if there is no such version.
        """
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
        from clearml_flows.tabular.registry.moves import find_production

        found = self.query(["id"], 1, **exactly(name), tags=["production"])
        # No model has the tag during a promotion. The records of promotions then name the model.
        entry = self.entry(found[0]["id"]) if found else find_production(self.named(name))
        if entry is None:
            raise BadInput(f"no model {name} is in production; `flows models promote ID` puts one there")
        return entry

    def _numbers(self, name: str) -> Iterator[dict[str, Any]]:
        return self.every(["id", "metadata.version"], **exactly(name))


def exactly(name: str) -> dict[str, Any]:
    """Return the filter for models of exactly this name."""
    return {"name": f"^{re.escape(name)}$"}


def version_number(entry: Any) -> int:
    """Return the version number of a model entry, or 0 if it has none."""
    from clearml_flows.tabular.registry.entries import model_value

    number = model_value(entry, "version")
    return int(number) if number.isdecimal() else 0


def number_of(metadata: Mapping[str, Any]) -> int:
    """Return the version number in a model's metadata, or 0 if it has none."""
    number = str((metadata.get("version") or {}).get("value") or "")
    return int(number) if number.isdecimal() else 0


def facts_of(entry: Any) -> dict[str, Any]:
    """Return the typed metadata of a model entry, without records of promotions."""
    items = entry.data.metadata or {}
    plain = {
        key: item if isinstance(item, dict) else {"type": item.type, "value": item.value} for key, item in items.items()
    }
    return typed_facts(plain)


def typed_facts(metadata: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return metadata of the API as typed values, without records of promotions."""
    return {
        key: _from_text(str(item.get("value") or ""), str(item.get("type")))
        for key, item in sorted(metadata.items())
        if not key.startswith("move-")
    }


def open_registry() -> Registry:
    """Return the registry of the configured backend. Raises Unreachable if none answers."""
    settings = load()
    backend = connect(settings)
    # The SDK's session reads these variables once, so they are set before.
    os.environ.update(backend.environment)
    project = f"{settings.project.name}/models"
    found = backend.api.call("projects.get_all", name=f"^{re.escape(project)}$", only_fields=["id"], search_hidden=True)
    ids = [one["id"] for one in found["projects"]]
    return Registry(backend, project, ids[0] if ids else "")


@contextmanager
def told_by(backend: Backend) -> Iterator[None]:
    """Convert refusals of the API, failed transfers and errors of steps into FlowsError."""
    try:
        yield
    except FlowsError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise FlowsError(str(error)) from error
    except Exception as error:
        # Imported here: the import takes a second, and other commands do not need it.
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
