"""Download the console log of a Task as a text file."""

import json
import re
import string
from collections.abc import Callable, Iterator

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import task
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.events import LOG, Position, Which
from clearml_flows.localserver.wire import Download

_PAGE = 1000
_PLACEHOLDERS = frozenset({"asctime", "timestamp", "level", "worker", "msg"})
_DEFAULT_FORMAT = "{asctime} {worker} {level} {msg}"
# Only an alignment and a width of three digits: a larger width could make one line a gigabyte long.
_ALIGNMENT = re.compile(r"[<>^]?\d{0,3}")

_Render = Callable[[Document], str]


@endpoint("events.download_task_log")
def download_task_log(call: Call) -> Download:
    """Return one line per console event: JSON, or text if `line_type` is not json.

    `line_format` is the format string of text lines.
    """
    document = task(call)
    is_json = str(call.data.get("line_type") or "json").lower() == "json"
    render = _json if is_json else _text(call.data.get("line_format", _DEFAULT_FORMAT))
    # Pages are read while the file is sent. The call's transaction has ended by then.
    return Download(f"task_{document['id']}.log", _lines(call.server.store, document["id"], render))


def _lines(store: Store, id: str, render: _Render) -> Iterator[str]:
    after: Position | None = None
    while True:
        with store.read() as db:
            events, after = db.events.page(Which([id], LOG), "timestamp", _PAGE, after=after)
        if not events:
            return
        yield "".join(render(event) + "\n" for event in events)


def _json(event: Document) -> str:
    line = {name: value for name, value in event.items() if name not in ("type", "task", "timestamp")}
    return json.dumps({**line, "asctime": event["timestamp"]})


def _text(line_format: str) -> _Render:
    """Return a function that formats an event with a format string of console placeholders.

    Raises:
        errors.MissingFields: The format is empty.
        errors.InvalidFields: The format is invalid or has an unknown placeholder.
    """
    if not line_format:
        raise errors.MissingFields("line_format is required for plain text lines")
    try:
        parts = list(string.Formatter().parse(line_format))
    except ValueError as error:
        raise errors.InvalidFields("invalid line format", error=error) from error
    names = {name for _, name, _, _ in parts if name is not None}
    if names - _PLACEHOLDERS:
        raise errors.InvalidFields("undefined placeholders in line format", placeholders=sorted(names - _PLACEHOLDERS))
    if not all(_ALIGNMENT.fullmatch(spec or "") for _, _, spec, _ in parts):
        raise errors.InvalidFields("invalid line format", expected="an alignment and a width of 3 digits at most")
    text = line_format.rstrip("\n")
    return lambda event: text.format(**_values(event))


def _values(event: Document) -> dict[str, str]:
    found = {name: event.get(name) for name in _PLACEHOLDERS}
    found["asctime"] = event["timestamp"]
    return {name: "" if value is None else str(value) for name, value in found.items()}
