"""Target of a push: a ClearML Server, through the SDK's client and its storage.

`APIClient` is public and takes the documented fields of each endpoint. These include fields that no class of the SDK
sets, such as a status or the time of an event. Files go through `StorageManager`, so that buckets work too. The SDK has
one session for a process, and this module binds it to the target.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import requests

from clearml_flows.backend.client import Refused
from clearml_flows.backend.connection import Backend, connect, is_embedded
from clearml_flows.errors import BadInput, FlowsError, Unreachable
from clearml_flows.push.notes import PUSHED_FROM, PUSHED_STATE
from clearml_flows.settings import ClearML, Settings
from clearml_flows.tabular.artifacts import stream_file, upload_file

_CHUNK = 100
_TRIES = {"total": 3, "connect": 3, "read": 0, "redirect": 0, "status": 0, "backoff_factor": 0.5}
_VARIABLES = ("API_HOST", "WEB_HOST", "FILES_HOST", "API_ACCESS_KEY", "API_SECRET_KEY")
Document = dict[str, Any]


@dataclass(frozen=True)
class Counterpart:
    """Counterpart of a Task or model from an earlier push, and the state that it has completely.

    `tags` and `metadata` are set for models. `fresh` is true if this push made it.
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
        # Imported here: the import reads the configuration that open_target sets.
        from clearml.backend_api.session.client import APIClient, StrictSession

        # Writes are not repeated if their answer is lost. The next push finds what they created.
        return APIClient(session=StrictSession(http_retries_config=dict(_TRIES)))

    @cached_property
    def files_url(self) -> str:
        return str(self.client.session.get_files_server_host()).rstrip("/")

    def call(self, endpoint: str, **body: Any) -> Document:
        """Return the data of an answer.

        Raises Unreachable without a valid answer, Refused for an error.
        """
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
        """Send events. Raises FlowsError if the server does not take all of them."""
        from clearml.backend_api.session.client import APIError

        try:
            added = self.client.events.add_batch(requests=events)
        except requests.RequestException as failure:
            raise self._gone(failure) from None
        except APIError as error:
            raise Refused(f"{self.backend.api.url} refused events.add_batch: {error.message}") from None
        if added.errors:
            raise FlowsError(f"{self.backend.api.url} did not take {added.errors} of {len(events)} events")

    def pushed(self, kind: str, ids: Iterable[str]) -> dict[str, Counterpart]:
        """Return the counterparts of Tasks or models, by the source's ids."""
        place, more = "metadata", {}
        if kind == "tasks":
            place, more = "hyperparams.properties", {"search_hidden": True}
        only = ["id", place, "status" if kind == "tasks" else "tags"]
        found: dict[str, Counterpart] = {}
        ids = list(ids)
        for start in range(0, len(ids), _CHUNK):
            query = {f"{place}.{PUSHED_FROM}.value": ids[start : start + _CHUNK], "order_by": ["created"], **more}
            for one in self._pages(kind, {**query, "only_fields": only}):
                items = one.get("metadata") or (one.get("hyperparams") or {}).get("properties") or {}
                state = (items.get(PUSHED_STATE) or {}).get("value") or ""
                tags, metadata = tuple(one.get("tags") or ()), one.get("metadata") or {}
                it = Counterpart(one["id"], state, one.get("status") or "", tags, metadata)
                found.setdefault(items[PUSHED_FROM]["value"], it)
        return found

    def projects(self, names: set[str]) -> dict[str, str]:
        """Return the ids of existing projects, by name."""
        every = self._pages("projects", {"search_hidden": True, "only_fields": ["id", "name"], "order_by": ["created"]})
        return {one["name"]: one["id"] for one in every if one["name"] in names}

    def holds(self, url: str, sha256: str, size: int) -> bool:
        """Read the file at an address, and return whether its sha256 and size match."""
        try:
            for _ in stream_file(url, sha256, size):
                pass
        except (OSError, ValueError):
            return False
        return True

    def store(self, path: Path, url: str) -> None:
        """Store a file and read it back. Raises Unreachable if that fails."""
        # The file server decodes the path of a download, but not the path of an upload.
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
    """Bind the SDK to the server of the clearml.conf `config`, or to the configured server.

    Raises:
        BadInput: the configuration names no server, or it names the source itself.
        Unreachable: the server does not answer or refuses the credentials.
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
    # The SDK's session reads these variables once, so they are set before.
    os.environ.update(backend.environment)
    return Target(backend)


def _instance(url: str) -> str:
    """Return the instance id of an embedded backend. Empty for a ClearML Server."""
    answer = requests.get(f"{url}/debug.ping", timeout=10, allow_redirects=False)
    return str(answer.headers.get("x-localserver-instance", ""))
