"""Download lists of Tasks or models as CSV: one request prepares, the next one downloads."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, scope
from clearml_flows.localserver.services.common import new_id
from clearml_flows.localserver.services.memory import Memory
from clearml_flows.localserver.services.tasks import read as tasks
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.query import MAX_PAGE_SIZE, Selection, select
from clearml_flows.localserver.wire import Download, Json

_MAX_ROWS = 50_000
_PAGE = MAX_PAGE_SIZE
_MAX_NAME_LENGTH = 60
_BYTE_ORDER_MARK = "\ufeff"
# Spreadsheets read a cell that starts with one of these as a formula.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_SCROLLING = ("scroll_id", "start", "size", "refresh_scroll")
_prepared: Memory[Json] = Memory(seconds=300, most=1_000)


@endpoint("organization.prepare_download_for_get_all")
def prepare_download_for_get_all(call: Call) -> Json:
    """Check a download request and return its `prepare_id`, valid for five minutes."""
    names = [mapping.get("name") or mapping["field"] for mapping in call.data["field_mappings"]]
    _check_unique(names, "Field_name")
    for mapping in call.data["field_mappings"]:
        _check_unique([value.get("key") for value in mapping.get("values") or []], "Value key")
    _page(call, 0, 1)
    id = new_id()
    _prepared.keep(id, call.data)
    return {"prepare_id": id}


@endpoint("organization.download_for_get_all")
def download_for_get_all(call: Call) -> Download:
    """Return the prepared list as CSV, up to 50,000 rows."""
    request = _prepared.get(call.data["prepare_id"])
    if request is None:
        raise errors.InvalidId("prepare ID not found", prepare_id=call.data["prepare_id"][:100])
    prepared = call.asking(request)
    parts = ("clearml", _project_name(prepared), f"{prepared.data['entity_type']}s.csv")
    return Download("-".join(filter(None, parts)), _content(prepared), "text/csv")


def _check_unique(names: Sequence[Any], what: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise errors.ValidationError(f"{what} appears more than once in field_mappings: {twice}")


def _content(call: Call) -> Iterator[str]:
    mappings = call.data["field_mappings"]
    header = [mapping.get("name", mapping["field"]) for mapping in mappings]
    beginning = _BYTE_ORDER_MARK + _csv([header])
    for documents in _pages(call):
        yield beginning + _csv([_cell(document, mapping) for mapping in mappings] for document in documents)
        beginning = ""
    if beginning:
        # For an empty list, ClearML Server writes the header without byte order mark and without needless quotes.
        yield _csv([header], csv.QUOTE_MINIMAL)


def _pages(call: Call) -> Iterator[list[Document]]:
    """Yield the documents page by page, each in its own transaction.

    The file is sent after the call's transaction has ended.
    """
    for page in range(_MAX_ROWS // _PAGE):
        with call.server.store.read() as db:
            documents = _page(replace(call, db=db), page, _PAGE)
        if documents:
            yield documents
        if len(documents) < _PAGE:
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
    """Return the value at a path, or "" if there is none.

    The longest key is tried first, because names of parameters may contain dots.
    """
    if not path:
        return value
    for end in range(len(path), 0, -1):
        name = ".".join(path[:end])
        if isinstance(value, dict) and name in value:
            return _value(value[name], path[end:])
    return ""


def _csv(rows: Iterable[Sequence[str]], quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC) -> str:
    with io.StringIO() as text:
        csv.writer(text, quoting=quoting).writerows(rows)
        return text.getvalue()


def _project_name(call: Call) -> str:
    """Return the name of the only requested project for the file name, or ""."""
    asked = call.data.get("project")
    if isinstance(asked, list):
        asked = asked[0] if len(asked) == 1 else ""
        if asked is None:
            return "root"
    found = call.db.projects.get(asked) if isinstance(asked, str) and asked else None
    return str(found["basename"])[:_MAX_NAME_LENGTH] if found else ""
