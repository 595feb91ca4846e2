"""Add events. Each event is checked on its own: an invalid event does not reject the batch."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events import latest
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.events import LOG, PLOT, SCALAR, TYPES, Event
from clearml_flows.localserver.wire import Json

_MAX_INTEGER = 2**63 - 1
# URLs of files in a plot's JSON: the values of its `source` fields.
_SOURCE_URL = re.compile(r"""["']source["']\s?:\s?["']([a-z][\w+.-]*://[^"']*)["']""", re.IGNORECASE)


@endpoint("events.add_batch", writes=True, batch=True)
def add_batch(call: Call) -> Json:
    """Add events and return how many were added and refused, with a count per reason.

    Raises:
        errors.EventsNotAdded: Every event was refused.
    """
    return _add(call, call.data["requests"])


@endpoint("events.add", writes=True)
def add(call: Call) -> Json:
    return _add(call, [call.data])


def _add(call: Call, requests: list[Json]) -> Json:
    if not requests:
        raise errors.EmptyBatch
    time_added = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    owners = _Owners(call, requests)
    refused: Counter[str] = Counter()
    accepted: list[Event] = []
    seen: Counter[tuple[Any, ...]] = Counter()
    for request in requests:
        try:
            kind = _kind(request)
            owner = owners.check(request)
            accepted.append(_event({"worker": call.identity.worker, **request}, kind, owner, time_added, seen))
        except _RefusedError as error:
            refused[str(error)] += 1
    if not accepted:
        raise errors.EventsNotAdded("", **refused)
    call.db.events.add(accepted)
    owners.note(accepted)
    return {"added": len(accepted), "errors": sum(refused.values()), "errors_info": dict(refused)}


class _RefusedError(Exception):
    """An event is invalid. The message is the reason in `errors_info`."""


class _Claim(NamedTuple):
    """Attributes that all events of one owner in a batch must share."""

    is_model: bool
    allow_locked: bool


def _claim(request: Json) -> _Claim:
    return _Claim(bool(request.get("model_event")), bool(request.get("allow_locked")))


def _owner_id(request: Json) -> Any:
    """Return the owner's id: `task`, or for model events `model` if set."""
    model = request.get("model") if request.get("model_event") else None
    return request.get("task") if model is None else model


class _Owners:
    """Cache of the Tasks and models that the events of a batch belong to."""

    def __init__(self, call: Call, requests: Iterable[Json]) -> None:
        """Check the batch for contradictions; raises errors.ValidationError.

        All events of one owner must agree on `model_event` and `allow_locked`.
        """
        self._call = call
        self._found: dict[str, tuple[Documents, Document] | None] = {}
        claims: dict[str, _Claim] = {}
        for request in requests:
            id, claim = _owner_id(request), _claim(request)
            known = claims.setdefault(id, claim) if isinstance(id, str) else claim
            if known.is_model != claim.is_model:
                raise errors.ValidationError("Inconsistent model_event setting in the passed events", tasks=(id,))
            if known.allow_locked != claim.allow_locked:
                raise errors.ValidationError(f"Inconsistent allow_locked setting in the passed events for {id}")

    def check(self, request: Json) -> str:
        """Return the owner's id; raises _RefusedError if the owner is missing or published."""
        id, claim = _owner_id(request), _claim(request)
        if id is None:
            raise _RefusedError("Event must have a 'task' field")
        if not isinstance(id, str) or self._find(id, claim) is None:
            raise _RefusedError(f"Invalid {'model' if claim.is_model else 'task'} id {str(id)[:100]}")
        return id

    def _find(self, id: str, claim: _Claim) -> tuple[Documents, Document] | None:
        if id not in self._found:
            documents = self._call.db.models if claim.is_model else self._call.db.tasks
            document = documents.get(id)
            usable = document is not None and (claim.allow_locked or not _is_locked(document))
            self._found[id] = (documents, document) if document is not None and usable else None
        return self._found[id]

    def note(self, events: Iterable[Event]) -> None:
        """Update the event summary in each owner's document and save it."""
        by_owner: dict[str, list[Event]] = {}
        for event in events:
            by_owner.setdefault(event.task, []).append(event)
        for id, reported in by_owner.items():
            found = self._found[id]
            if found is not None:
                documents, document = found
                latest.note(self._call, document, reported)
                documents.save(document)


def _is_locked(document: Document) -> bool:
    """Return True if a Task or model is published."""
    return document.get("status") == lifecycle.PUBLISHED or bool(document.get("ready"))


def _kind(request: Json) -> str:
    kind = request.get("type")
    if kind is None:
        raise _RefusedError("Event must have a 'type' field")
    # The API accepts spaces too: "training stats scalar".
    kind = str(kind)[:50].replace(" ", "_")
    if kind not in TYPES:
        raise _RefusedError(f"Invalid event type {kind}")
    if kind == LOG and request.get("model_event"):
        raise _RefusedError("Task log events are not supported for models")
    return kind


def _event(request: Json, kind: str, owner: str, time_added: str, seen: Counter[tuple[Any, ...]]) -> Event:
    # Old clients send "ts" and "values" instead of "timestamp" and "value".
    names = {"ts": "timestamp", "values": "value"}
    dropped = ("allow_locked", "x_axis_label", "model")
    document: Json = {names.get(name, name): value for name, value in request.items() if name not in dropped}
    timestamp = _field(document, "timestamp", _integer, int(time.time() * 1000))
    iteration = _field(document, "iter", _integer, 0)
    metric, variant, file = (_field(document, name, _text, "") for name in ("metric", "variant", "key"))
    value = _field(document, "value", _number, None) if kind == SCALAR else None
    if kind == SCALAR and value is None:
        raise _RefusedError("Event of type training_stats_scalar must have a 'value' field")
    document |= {"task": owner, "type": kind, "@timestamp": time_added, "model_event": bool(request.get("model_event"))}
    document |= {"metric": metric, "variant": variant, "timestamp": timestamp}
    if kind != LOG or document.get("iter") is not None:
        document["iter"] = iteration
    if kind == PLOT:
        document |= _plot_facts(document.get("plot_str"))
    key = _log_key(document, seen) if kind == LOG else file
    label = request.get("x_axis_label")
    return Event(
        owner, kind, metric, variant, iteration, timestamp, value, key, document, None if label is None else str(label)
    )


def _plot_facts(plot: Any) -> Json:
    """Return the length of a plot's JSON text and the URLs of the files in it."""
    if not isinstance(plot, str):
        return {"plot_len": 0}
    urls = sorted(set(_SOURCE_URL.findall(plot)))
    return {"plot_len": len(plot), **({"source_urls": urls} if urls else {})}


def _log_key(document: Document, seen: Counter[tuple[Any, ...]]) -> str:
    """Return a key that identifies a console line. A batch sent twice gets the same keys.

    Equal lines in one batch are numbered, so each keeps its own key.
    """
    line = tuple(document.get(name) for name in ("task", "timestamp", "level", "worker", "msg"))
    key = tuple(str(part) for part in line)
    seen[key] += 1
    return hashlib.sha256(repr((key, seen[key])).encode()).hexdigest()[:32]


def _field(request: Json, name: str, convert: Callable[[Any], Any], default: Any) -> Any:
    if request.get(name) is None:
        return default
    try:
        return convert(request[name])
    except (TypeError, ValueError) as error:
        raise _RefusedError(f"Invalid value for the field '{name}'") from error


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _MAX_INTEGER:
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, (dict, list, bool)):
        raise TypeError
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
