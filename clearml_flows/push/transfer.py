"""Push one Task or model: fields, files and events first, and its status last.

An interrupted push of a Task starts again. Fields are set completely, earlier events are deleted first, and files that
are there already are only read.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.push.moved_links import Moved
from clearml_flows.push.notes import (
    PUSHED_STATE,
    PUSHED_TAGS,
    is_retagged,
    metadata_item,
    noted_metadata,
    noted_parameters,
    property_item,
    state_of_part,
    tags_item,
    with_moves_of,
)
from clearml_flows.push.source import EVENT_TYPES, Source
from clearml_flows.push.target import Counterpart, Target

Document = dict[str, Any]
TASK_FIELDS = "name type project comment parent tags system_tags hyperparams configuration script container runtime"
MODEL_FIELDS = "name project comment tags system_tags framework design labels task parent ready uri"
_ACTIONS = {"completed": "completed", "failed": "failed", "stopped": "stopped", "closed": "close"}
# Fields of events that each backend sets itself.
_OF_A_BACKEND = {"@timestamp", "plot_len", "_id", "company_id"}
_MAX_BATCH = 4_000_000


@dataclass
class Carrier:
    """Pushes Tasks and models one at a time.

    `scope` is the project of the push, empty for everything. `scratch` is a folder for one file at a time.
    `files` maps addresses on the target to sha256 and size. `missing` lists what could not be pushed, with the reason.
    """

    source: Source
    target: Target
    moved: Moved
    scope: str
    scratch: Path
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    stored: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fresh: bool = False

    def task(self, id: str, found: Counterpart, state: str) -> None:  # noqa: A002  (ClearML's own word)
        """Push a Task. If it raises Unreachable or FlowsError, the Task counts as not pushed."""
        document = self.source.document("tasks", id)
        fields = {name: document[name] for name in TASK_FIELDS.split() if document.get(name) is not None}
        execution = {name: value for name, value in (document.get("execution") or {}).items() if name != "queue"}
        is_dataset = "dataset" in (document.get("system_tags") or [])
        whole = self._begin(found)
        execution["artifacts"] = [
            self._artifact(record, document["name"], is_dataset) for record in execution.get("artifacts") or []
        ]
        fields = self.moved({**fields, "models": document.get("models")})
        fields |= {"execution": execution, "hyperparams": noted_parameters(fields.get("hyperparams") or {}, document)}
        if (document.get("output") or {}).get("destination"):
            fields["output_dest"] = self.moved(document["output"]["destination"])
        if found.status == "published":
            loose = {name: fields[name] for name in ("name", "comment", "tags", "system_tags") if name in fields}
            self.target.call("tasks.update", task=found.id, **loose)
        else:
            self.target.call("tasks.edit", task=found.id, force=True, **fields)
            self._events(id, found)
            self._status(document, found)
        if len(self.missing) == whole:
            item = property_item(PUSHED_STATE, self._mark(state))
            self.target.call("tasks.edit_hyper_params", task=found.id, hyperparams=[item], replace_hyperparams="none")

    def model(self, id: str, found: Counterpart, state: str, withheld: bool) -> None:  # noqa: A002  (ClearML's own word)
        """Push a model; if `withheld`, without the tag production. Raises Unreachable or FlowsError."""
        document = self.source.document("models", id)
        fields = {name: document[name] for name in MODEL_FIELDS.split() if document.get(name) is not None}
        whole = self._begin(found)
        self._file(str(fields.get("uri") or ""), f"model {document['name']} {id}")
        fields = self.moved(fields)
        if withheld:
            fields["tags"] = [tag for tag in fields.get("tags") or [] if tag != "production"]
        kept = document.get("metadata") or {}
        theirs: list[Document] = []
        if is_retagged(found.metadata, found.tags):
            self.notes.append(f"model {document['name']} {found.id} keeps its tags there: they were changed there")
            fields["tags"], kept = list(found.tags), with_moves_of(kept, found.metadata)
            theirs = [found.metadata[PUSHED_TAGS]]
        # The note of the tags follows the tags. After a kill in between, the next push sees no change by a user.
        items = [*noted_metadata(self.moved(kept), document), *theirs]
        self._note(found, items, replace_metadata=True)
        self.target.call("models.edit", model=found.id, **fields)
        self._events(id, found, model=True)
        mark = [metadata_item(PUSHED_STATE, self._mark(state))] if len(self.missing) == whole else []
        self._note(found, [tags_item(fields.get("tags") or []), *mark])

    def _note(self, found: Counterpart, items: list[Document], **how: Any) -> None:
        self.target.call("models.add_or_update_metadata", model=found.id, metadata=items, **how)

    def _begin(self, found: Counterpart) -> int:
        self.fresh = found.fresh
        self.moved.left.clear()
        return len(self.missing)

    def _mark(self, state: str) -> str:
        """Return the mark of a complete state.

        If links name ids outside the push's scope, the mark holds for this scope only.
        """
        return state_of_part(state, self.scope) if self.moved.left else state

    def _artifact(self, record: Document, owner: str, of_dataset: bool) -> Document:
        """Return the artifact's record for the target, and store its file there."""
        kept: Document = self.moved(record)
        rewrite = of_dataset and record.get("key") == "state"
        called = f"artifact {record.get('key')} of {owner}"
        stored = self._file(str(record.get("uri") or ""), called, record.get("hash"), rewrite)
        # The file list of a dataset contains ids of datasets. Its rewritten copy has another hash and size.
        return {**kept, "hash": stored[0], "content_size": stored[1]} if stored and rewrite else kept

    def _file(self, url: str, called: str, sha256: str | None = None, rewrite: bool = False) -> tuple[str, int] | None:
        """Store a file on the target and return its sha256 and size.

        Returns None if the address is elsewhere, or if the file is missing at the source.
        """
        if not self.source.has(url):
            return None
        there = self.moved.text(url)
        if there in self.files:
            return self.files[there]
        path = self.scratch / "file"
        try:
            found = self.source.fetch(url, path)
            if sha256 and found != sha256:
                raise FlowsError(f"{url} has sha256 {found}, not {sha256}: it was changed or damaged")
        except Unreachable:
            raise
        except FlowsError as problem:
            self.missing.append(f"{called}: {problem}")
            return None
        if rewrite:
            path.write_text(json.dumps(self.moved(json.loads(path.read_text("utf-8")))), "utf-8")
        self.files[there] = self._put(path, there)
        return self.files[there]

    def _put(self, path: Path, url: str) -> tuple[str, int]:
        from clearml_flows.tabular.artifacts import file_sha256

        sha256, size = file_sha256(str(path)), path.stat().st_size
        if self.fresh or not self.target.holds(url, sha256, size):
            self.target.store(path, url)
            self.stored, self.bytes = self.stored + 1, self.bytes + size
        return sha256, size

    def _events(self, id: str, found: Counterpart, model: bool = False) -> None:  # noqa: A002  (ClearML's own word)
        cleared = found.fresh
        for kind in EVENT_TYPES:
            for page in self.source.events(id, kind, model):
                if not cleared:
                    self._clear(found, model)
                    cleared = True
                self._send([self._event(event, found.id, model) for event in page])

    def _clear(self, found: Counterpart, model: bool) -> None:
        """Delete earlier events: a server would keep a repeated console line twice."""
        if model:
            self.target.call("events.delete_for_model", model=found.id, allow_locked=True)
        else:
            self.target.call("events.delete_for_task", task=found.id)

    def _event(self, event: Document, owner: str, model: bool) -> Document:
        for url in self._urls(event):
            self._file(url, f"a picture of {event.get('metric')}")
        moved = self.moved({name: value for name, value in event.items() if name not in _OF_A_BACKEND})
        # ClearML Server takes events of a ready model only with allow_locked.
        return {**moved, "task": owner, **({"model_event": True, "allow_locked": True} if model else {})}

    def _urls(self, event: Document) -> list[str]:
        if event.get("type") == "log":
            return []
        pattern = re.compile(re.escape(f"{self.source.files_url}/") + r"[^\s\"'<>\\]+")
        return [url for name in ("url", "plot_str") for url in pattern.findall(str(event.get(name) or ""))]

    def _send(self, events: list[Document]) -> None:
        batch: list[Document] = []
        size = 0
        for event in events:
            bytes_ = len(json.dumps(event))
            if batch and size + bytes_ > _MAX_BATCH:
                self.target.report(batch)
                batch, size = [], 0
            batch.append(event)
            size += bytes_
        self.target.report(batch)

    def _status(self, document: Document, found: Counterpart) -> None:
        """Set the status of the source. Tasks that have not ended stay drafts."""
        wanted = document["status"]
        if wanted == found.status or wanted in ("created", "queued", "in_progress"):
            return
        said = {name: document[name] for name in ("status_reason", "status_message") if document.get(name)}
        if found.status in ("", "created"):
            self.target.call("tasks.started", task=found.id, force=True)
        self.target.call(f"tasks.{_ACTIONS.get(wanted, 'completed')}", task=found.id, force=True, **said)
        if wanted == "published":
            self.target.call("tasks.publish", task=found.id, force=True, publish_model=False)
