"""`get_all`, the same for every entity: filters, order, paging, and only the fields that were asked for."""

from typing import Any

from localserver.registry import Call
from localserver.services import projection, scrolls
from localserver.services.projection import names as names
from localserver.store import query
from localserver.store.documents import Document, Documents
from localserver.wire import Json


def get_all(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """The page of documents that `data` asks for, and the scroll id of the next one if it scrolls."""
    shown = projection.parse(documents.entity, asked_fields(data))
    found, scroll_id = page(documents, data, selection)
    return [shown.of(document) for document in found], scroll_id


def get_all_joined(
    call: Call, documents: Documents, data: Json, selection: query.Selection
) -> tuple[list[Document], str | None]:
    """As `get_all`, with `{"id": …}` for each reference, and the fields of it that `only_fields` names below it."""
    asked = projection.parse(documents.entity, asked_fields(data), joins=True)
    found, scroll_id = page(documents, data, selection)
    return projection.show(call, documents.entity, found, asked), scroll_id


def asked_fields(data: Json) -> Any:
    """`projection`, or `only_fields`: the server takes either name, and the first when both are given."""
    return data.get("projection") or data.get("only_fields")


def page(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """The documents of the page, whole."""
    if "scroll_id" not in data:
        return documents.find(selection), None
    scroll_id, selection.offset, selection.limit = scrolls.start(
        data["scroll_id"], data.get("size"), refresh=bool(data.get("refresh_scroll"))
    )
    found = documents.find(selection)
    scrolls.note(scroll_id, selection.offset + len(found))
    return found, scroll_id


def answer(name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """The answer of a `get_all`: the documents under the entity's name."""
    return enveloped(name, *get_all(documents, data, selection))


def answer_joined(call: Call, name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """The answer of a `get_all_ex` or `get_by_id_ex`."""
    return enveloped(name, *get_all_joined(call, documents, data, selection))


def enveloped(name: str, found: list[Document], scroll_id: str | None) -> Json:
    return {name: found, "scroll_id": scroll_id} if scroll_id else {name: found}
