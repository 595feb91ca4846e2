"""A list of Tasks or models as a CSV file: prepared by one request, fetched by the next."""

import csv
import io
import time
from collections.abc import Iterator, Sequence
from typing import Any

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services import listing, scope
from localserver.services.tasks import read as tasks
from localserver.store.documents import Document, Documents
from localserver.store.query import MAX_PAGE_SIZE, Selection, select
from localserver.wire import Download, Json

_KIND = "download"
_EXPIRES_SECONDS = 300
_MAX_ROWS = 1000
_MAX_NAME_LENGTH = 60
_BYTE_ORDER_MARK = "\ufeff"
# Spreadsheets take a cell that begins so for a formula.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_SCROLLING = ("scroll_id", "start", "size", "refresh_scroll")


@endpoint("organization.prepare_download_for_get_all")
def prepare_download_for_get_all(call: Call) -> Json:
    """Check the request of a download, and answer the id that fetches it. The id holds the request."""
    names = [_name(mapping) for mapping in call.data["field_mappings"]]
    _check_unique(names, "Field_name")
    for mapping in call.data["field_mappings"]:
        _check_unique([value.get("key") for value in mapping.get("values") or []], "Value key")
    _page(call, 0, 1)
    state = {"kind": _KIND, "request": call.data, "exp": int(time.time()) + _EXPIRES_SECONDS}
    return {"prepare_id": call.server.accounts.tokens.seal(state)}


@endpoint("organization.download_for_get_all")
def download_for_get_all(call: Call) -> Download:
    """The prepared list, 1000 rows at most."""
    state = call.server.accounts.tokens.unseal(call.data["prepare_id"])
    if state is None or state.get("kind") != _KIND:
        raise errors.InvalidId("prepare ID not found", prepare_id=call.data["prepare_id"][:100])
    prepared = call.asking(state["request"])
    parts = ("clearml", _project_name(prepared), f"{prepared.data['entity_type']}s.csv")
    return Download("-".join(filter(None, parts)), iter(_lines(prepared)), "text/csv")


def _name(mapping: Json) -> str:
    return str(mapping.get("name") or mapping["field"])


def _check_unique(names: Sequence[Any], what: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise errors.ValidationError(f"{what} appears more than once in field_mappings: {twice}")


def _lines(call: Call) -> list[str]:
    mappings = call.data["field_mappings"]
    lines = [_BYTE_ORDER_MARK + _line([_name(mapping) for mapping in mappings])]
    for document in _rows(call):
        lines.append(_line([_cell(document, mapping) for mapping in mappings]))
    return lines


def _rows(call: Call) -> Iterator[Document]:
    for page in range(_MAX_ROWS // MAX_PAGE_SIZE):
        found = _page(call, page, MAX_PAGE_SIZE)
        yield from found
        if len(found) < MAX_PAGE_SIZE:
            return


def _page(call: Call, page: int, size: int) -> list[Document]:
    data = {name: value for name, value in call.data.items() if name not in _SCROLLING}
    asked = call.asking({**data, "page": page, "page_size": size})
    documents, selection = _selected(asked)
    return listing.get_all_joined(asked, documents, asked.data, scope.visible(asked.data, selection))[0]


def _selected(call: Call) -> tuple[Documents, Selection]:
    if call.data.get("entity_type") == "task":
        return call.db.tasks, tasks.selected(call)
    if call.data.get("entity_type") == "model":
        return call.db.models, select(call.db.models.entity, scope.filtered(call, call.data))
    raise errors.ValidationError(f"Unsupported entity type: {call.data.get('entity_type')}")


def _cell(document: Document, mapping: Json) -> str:
    value = _value(document, mapping["field"].split("."))
    if isinstance(value, dict):
        value = value.get("id", "")
    for named in mapping.get("values") or []:
        if named.get("key") == value:
            value = named.get("value")
            break
    text = str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _value(value: Any, path: Sequence[str]) -> Any:
    """The value at a path; the longest name comes first, since names of parameters hold dots themselves."""
    if not path:
        return value
    for end in range(len(path), 0, -1):
        name = ".".join(path[:end])
        if isinstance(value, dict) and name in value:
            return _value(value[name], path[end:])
    return ""


def _line(cells: list[str]) -> str:
    with io.StringIO() as text:
        csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
        return text.getvalue()


def _project_name(call: Call) -> str:
    """The name of the only project that is asked for, for the file's name."""
    asked = call.data.get("project")
    if isinstance(asked, list):
        asked = asked[0] if len(asked) == 1 else ""
        if asked is None:
            return "root"
    found = call.db.projects.get(asked) if isinstance(asked, str) and asked else None
    return str(found["basename"])[:_MAX_NAME_LENGTH] if found else ""
