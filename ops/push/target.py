"""The ClearML Server that is pushed to, through the SDK's own client and its storage.

`APIClient` is public and takes the documented fields of each endpoint as they are, also those that no class of the SDK
lets one set, such as a status or the times of events. Files go through `StorageManager`, so a server whose files are in
a bucket is served too. The SDK's session is one for a process: this module binds it.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import requests

from components.artifacts import stream_file, upload_file
from flows.api import Refused
from flows.backend import Backend, connect, is_embedded
from flows.errors import BadInput, FlowsError, Unreachable
from flows.settings import ClearML, Settings
from ops.push.notes import PUSHED_FROM, PUSHED_STATE

_CHUNK = 100
_TRIES = {"total": 3, "connect": 3, "read": 0, "redirect": 0, "status": 0, "backoff_factor": 0.5}
_VARIABLES = ("API_HOST", "WEB_HOST", "FILES_HOST", "API_ACCESS_KEY", "API_SECRET_KEY")
Document = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What was pushed before from one Task or model: where it is, and of which state it was when it was complete.

    `tags` and `metadata` are a model's; `fresh` is what this push made.
    """

    id: str
    state: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    metadata: Document = field(default_factory=dict)
    fresh: bool = False


@dataclass(frozen=True)
class Target:
    backend: Backend

    @cached_property
    def client(self) -> Any:
        # Imported here: it reads the configuration that open_target names.
        from clearml.backend_api.session.client import APIClient, StrictSession

        # A write whose answer was lost is not sent again: what is there is found when the push is.
        return APIClient(session=StrictSession(http_retries_config=dict(_TRIES)))

    @cached_property
    def files_url(self) -> str:
        return str(self.client.session.get_files_server_host()).rstrip("/")

    def call(self, endpoint: str, **body: Any) -> Document:
        """The data of an answer. Raises Unreachable if there is none, Refused for an error."""
        service, action = endpoint.split(".")
        try:
            answer = self.client.session.send_request(service, action, json=body)
            envelope = answer.json()
            meta, data = envelope["meta"], envelope["data"]
        except requests.RequestException as failure:
            raise self._gone(failure) from None
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"{self.backend.api.url} answers, but not as a ClearML API does") from None
        if meta["result_code"] != requests.codes.ok:
            raise Refused(f"{self.backend.api.url} refused {endpoint}: {meta['result_msg']}")
        return dict(data)

    def report(self, events: list[Document]) -> None:
        """Raises FlowsError if one of the events is not taken."""
        from clearml.backend_api.session.client import APIError

        try:
            added = self.client.events.add_batch(requests=events)
        except requests.RequestException as failure:
            raise self._gone(failure) from None
        except APIError as error:
            raise Refused(f"{self.backend.api.url} refused events.add_batch: {error.message}") from None
        if added.errors:
            raise FlowsError(f"{self.backend.api.url} did not take {added.errors} of {len(events)} events")

    def pushed(self, kind: str, ids: Iterable[str]) -> dict[str, Found]:
        """What is there of these Tasks or models of the source, by the source's ids."""
        place, more = "metadata", {}
        if kind == "tasks":
            place, more = "hyperparams.properties", {"search_hidden": True}
        only = ["id", place, "status" if kind == "tasks" else "tags"]
        found: dict[str, Found] = {}
        ids = list(ids)
        for start in range(0, len(ids), _CHUNK):
            query = {f"{place}.{PUSHED_FROM}.value": ids[start : start + _CHUNK], "order_by": ["created"], **more}
            for one in self._pages(kind, {**query, "only_fields": only}):
                items = one.get("metadata") or (one.get("hyperparams") or {}).get("properties") or {}
                state = (items.get(PUSHED_STATE) or {}).get("value") or ""
                tags, metadata = tuple(one.get("tags") or ()), one.get("metadata") or {}
                it = Found(one["id"], state, one.get("status") or "", tags, metadata)
                found.setdefault(items[PUSHED_FROM]["value"], it)
        return found

    def projects(self, names: set[str]) -> dict[str, str]:
        """The ids of the projects that are there, by name."""
        every = self._pages("projects", {"search_hidden": True, "only_fields": ["id", "name"], "order_by": ["created"]})
        return {one["name"]: one["id"] for one in every if one["name"] in names}

    def holds(self, url: str, sha256: str, size: int) -> bool:
        """Whether the file at an address is this one, by reading it."""
        try:
            for _ in stream_file(url, sha256, size):
                pass
        except (OSError, ValueError):
            return False
        return True

    def store(self, path: Path, url: str) -> None:
        """Stores a file and reads it back. Raises Unreachable if that does not come to be."""
        # A file server decodes the path of a request, but takes that of an upload as it stands.
        place = unquote(url) if url.startswith("http") else url
        try:
            upload_file(str(path), place, tries=3, pause_s=0.5)
        except (OSError, RuntimeError, ValueError) as error:
            raise Unreachable(str(error)) from None

    def _pages(self, kind: str, query: Document) -> Iterable[Document]:
        size, page = 500, 0
        while found := self.call(f"{kind}.get_all", **query, page=page, page_size=size)[kind]:
            yield from found
            page += 1
            if len(found) < size:
                return

    def _gone(self, failure: Exception) -> Unreachable:
        url = self.backend.api.url
        return Unreachable(f"{url} does not answer any more ({type(failure).__name__}); push again to go on from here")


def open_target(settings: Settings, config: Path | None, source_instance: str) -> Target:
    """The server that `config`, a clearml.conf, names; without one the configured server. Binds the SDK to it.

    Raises BadInput if that is no server or the embedded backend itself, Unreachable if it does not answer or refuses
    the credentials.
    """
    if config:
        if not config.is_file():
            raise BadInput(f"{config} is not there; give the path of a clearml.conf, such as `flows setup` writes")
        for name in _VARIABLES:
            os.environ.pop(f"CLEARML_{name}", None)
        os.environ["CLEARML_CONFIG_FILE"] = str(config)
        hosts = ClearML(connect_timeout=settings.clearml.connect_timeout, api_host="", web_host="", files_host="")
        settings = settings.model_copy(update={"clearml": hosts})
    if is_embedded(settings):
        named = f"{config} names no server but the embedded backend" if config else "no ClearML Server is configured"
        raise BadInput(f"{named}; name a server's clearml.conf with --config, or configure one (flows setup)")
    backend = connect(settings)
    if _instance(backend.api.url) == source_instance:
        raise BadInput(f"{backend.api.url} is the embedded backend itself: there is nothing to push to")
    # Before the SDK's session is made, which reads them once.
    os.environ.update(backend.environment)
    return Target(backend)


def _instance(url: str) -> str:
    """What tells an embedded backend from every other one; empty for a ClearML Server."""
    answer = requests.get(f"{url}/debug.ping", timeout=10, allow_redirects=False)
    return str(answer.headers.get("x-localserver-instance", ""))
