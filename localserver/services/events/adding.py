"""Events come in: checked one by one, so that a bad one does not cost the others."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from localserver import errors, lifecycle
from localserver.registry import Call, endpoint
from localserver.services.events import latest
from localserver.store.documents import Document, Documents
from localserver.store.events import LOG, SCALAR, TYPES, Event
from localserver.wire import Json

_MAX_INTEGER = 2**63 - 1


@endpoint("events.add_batch", writes=True, batch=True)
def add_batch(call: Call) -> Json:
    """`added`, and how many were refused, by reason; raises errors.EventsNotAdded when all were."""
    requests: list[Json] = call.data["requests"]
    time_added = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    owners = _Owners(call)
    refused: Counter[str] = Counter()
    accepted: list[Event] = []
    seen: Counter[tuple[Any, ...]] = Counter()
    for request in requests:
        try:
            owners.check(request)
            accepted.append(_event(request, time_added, seen))
        except _RefusedError as error:
            refused[str(error)] += 1
    if not accepted:
        raise errors.EventsNotAdded("", **refused)
    call.db.events.add(accepted)
    owners.note(accepted)
    return {"added": len(accepted), "errors": sum(refused.values()), "errors_info": dict(refused)}


@endpoint("events.add", fields={"iter": "int"}, writes=True)
def add(call: Call) -> Json:
    add_batch(call.asking({"requests": [call.data]}))
    return {}


class _RefusedError(Exception):
    """Why one event is not taken."""


class _Owners:
    """The Tasks and models that events belong to, looked up once each."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._found: dict[str, tuple[Documents, Document]] = {}

    def check(self, request: Json) -> None:
        id = request.get("task")
        if not isinstance(id, str) or not id:
            raise _RefusedError("Event must have a 'task' field")
        if id in self._found:
            return
        documents = self._call.db.models if request.get("model_event") else self._call.db.tasks
        document = documents.get(id)
        locked = document is not None and document.get("status") == lifecycle.PUBLISHED
        if document is None or (locked and not request.get("allow_locked")):
            raise _RefusedError(f"Invalid {'model' if request.get('model_event') else 'task'} id {id}")
        self._found[id] = documents, document

    def note(self, events: Iterable[Event]) -> None:
        """Keep on each document what it reported last."""
        by_owner: dict[str, list[Event]] = {}
        for event in events:
            by_owner.setdefault(event.task, []).append(event)
        for id, reported in by_owner.items():
            documents, document = self._found[id]
            latest.note(self._call, document, reported)
            documents.save(document)


def _event(request: Json, time_added: str, seen: Counter[tuple[Any, ...]]) -> Event:
    kind = request.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise _RefusedError(f"Invalid event type {str(kind)[:50]}")
    timestamp = _field(request, "timestamp", _integer, int(time.time() * 1000))
    iteration = _field(request, "iter", _integer, 0)
    metric, variant = (_field(request, name, _text, "") for name in ("metric", "variant"))
    value = _field(request, "value", _number, None)
    if kind == SCALAR and value is None:
        raise _RefusedError("Event of type training_stats_scalar must have a 'value' field")
    document = {name: item for name, item in request.items() if name != "allow_locked"}
    document |= {"@timestamp": time_added, "metric": metric, "variant": variant, "timestamp": timestamp}
    if kind != LOG:
        document["iter"] = iteration
    if isinstance(request.get("plot_str"), str):
        document["plot_len"] = len(request["plot_str"])
    key = _log_key(document, seen) if kind == LOG else ""
    return Event(request["task"], kind, metric, variant, iteration, timestamp, value, key, document)


def _log_key(document: Document, seen: Counter[tuple[Any, ...]]) -> str:
    """What tells a console line from others: a batch that comes twice has the same keys again."""
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
