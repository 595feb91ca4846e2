"""`get_all`, the same for every entity: filters, order, paging, and only the fields that were asked for."""

import base64
import json

from localserver import errors
from localserver.registry import Call
from localserver.services import projection
from localserver.services.projection import names as names
from localserver.store import query
from localserver.store.documents import Document, Documents
from localserver.wire import Json


def get_all(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """The page of documents that `data` asks for, and the scroll id of the next one if it scrolls."""
    shown = projection.parse(documents.entity, data.get("only_fields"))
    found, scroll_id = page(documents, data, selection)
    return [shown.of(document) for document in found], scroll_id


def get_all_joined(
    call: Call, documents: Documents, data: Json, selection: query.Selection
) -> tuple[list[Document], str | None]:
    """As `get_all`, with `{"id": …}` for each reference, and the fields of it that `only_fields` names below it."""
    asked = projection.parse(documents.entity, data.get("only_fields"), joins=True)
    found, scroll_id = page(documents, data, selection)
    return projection.show(call, documents.entity, found, asked), scroll_id


def page(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """The documents of the page, whole."""
    scrolls = bool(data.get("scroll_id") or data.get("size"))
    if data.get("scroll_id"):
        selection.offset = _offset(data["scroll_id"])
    found = documents.find(selection)
    return found, _scroll_id(selection.offset + len(found)) if scrolls else None


def answer(name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """The answer of a `get_all`: the documents under the entity's name."""
    return enveloped(name, *get_all(documents, data, selection))


def answer_joined(call: Call, name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """The answer of a `get_all_ex` or `get_by_id_ex`."""
    return enveloped(name, *get_all_joined(call, documents, data, selection))


def enveloped(name: str, found: list[Document], scroll_id: str | None) -> Json:
    return {name: found, "scroll_id": scroll_id} if scroll_id else {name: found}


def _scroll_id(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset]).encode()).decode()


def _offset(scroll_id: str) -> int:
    try:
        (offset,) = json.loads(base64.urlsafe_b64decode(scroll_id.encode()))
        if isinstance(offset, int) and 0 <= offset < 2**40:
            return offset
    except (ValueError, TypeError, RecursionError):
        pass
    raise errors.InvalidFields("not a scroll id that this server gave", field="scroll_id")
