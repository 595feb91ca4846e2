"""Source of a push: the embedded backend's documents, events and files."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from clearml_flows.backend.connection import Backend
from clearml_flows.errors import FlowsError, Unreachable

PAGE = 500
EVENT_TYPES = ("log", "training_stats_scalar", "training_stats_vector", "training_debug_image", "plot")
Document = dict[str, Any]
_LISTED = {
    "tasks": [
        "id",
        "name",
        "type",
        "project",
        "parent",
        "status",
        "last_change",
        "created",
        "completed",
        "system_tags",
    ],
    "models": ["id", "name", "project", "last_change", "created", "tags"],
    "projects": ["id", "name", "description", "tags", "system_tags"],
}


@dataclass(frozen=True)
class Source:
    """The embedded backend. `files_url` is the address of its file server in stored links."""

    backend: Backend
    files_url: str

    @cached_property
    def listed(self) -> dict[str, list[Document]]:
        """Return all projects, Tasks and models, oldest first, with the fields that show changes."""
        return {kind: list(self._every(kind)) for kind in _LISTED}

    def document(self, kind: str, id: str) -> Document:  # noqa: A002  (ClearML's own word)
        """Return all fields of a Task or model."""
        found = self.backend.api.call(f"{kind}.get_by_id", **{kind[:-1]: id})
        return dict(found[kind[:-1]])

    def events(self, owner: str, kind: str, model: bool = False) -> Iterator[list[Document]]:
        """Yield the events of a Task or model in pages, in the order of time."""
        # A plot may have several megabytes.
        size = 20 if kind == "plot" else PAGE
        query = {"task": owner, "event_type": kind, "batch_size": size, "order": "asc", "model_events": model}
        scroll: dict[str, str] = {}
        while page := self.backend.api.call("events.get_task_events", **query, **scroll):
            if page["events"]:
                yield page["events"]
            if len(page["events"]) < size:
                return
            scroll = {"scroll_id": page["scroll_id"]}

    def has(self, url: object) -> bool:
        """Return whether a URL is on the source's file server."""
        return isinstance(url, str) and url.startswith(f"{self.files_url}/")

    def fetch(self, url: str, target: Path) -> str:
        """Download a stored file to `target` and return its sha256.

        Raises FlowsError if the file is missing, Unreachable if the download fails.
        """
        keys, digest = (self.backend.api.access_key, self.backend.api.secret_key), hashlib.sha256()
        try:
            with (
                requests.get(url, auth=keys, stream=True, timeout=60, allow_redirects=False) as answer,
                target.open("wb") as out,
            ):
                if answer.status_code != requests.codes.ok:
                    raise FlowsError(f"{url} is not on the embedded backend (HTTP {answer.status_code})")
                for chunk in answer.iter_content(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
        except requests.RequestException as failure:
            raise Unreachable(f"{url} cannot be read: {type(failure).__name__}; is the backend running?") from None
        return digest.hexdigest()

    def _every(self, kind: str) -> Iterator[Document]:
        query = {"order_by": ["created"], "only_fields": _LISTED[kind], "page_size": PAGE}
        hidden = {} if kind == "models" else {"search_hidden": True}
        page = 0
        while found := self.backend.api.call(f"{kind}.get_all", **query, **hidden, page=page)[kind]:
            yield from found
            page += 1
            if len(found) < PAGE:
                return
