"""Shared `get_all` implementation: filters, order, paging and `only_fields`."""

from typing import Any

from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services import projection, scrolls
from clearml_flows.localserver.services.projection import names as names
from clearml_flows.localserver.store import query
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.wire import Json


def get_all(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """Return the requested page of documents, and the scroll id for the next page if any."""
    shown = projection.parse(documents.entity, asked_fields(data))
    found, scroll_id = page(documents, data, selection)
    return [shown.of(document) for document in found], scroll_id


def get_all_joined(
    call: Call, documents: Documents, data: Json, selection: query.Selection
) -> tuple[list[Document], str | None]:
    """Like `get_all`, with an object `{"id": …}` for each reference.

    `only_fields` may name fields of the referenced document, which are added to that object.
    """
    asked = projection.parse(documents.entity, asked_fields(data), joins=True)
    found, scroll_id = page(documents, data, selection)
    return projection.show(call, documents.entity, found, asked), scroll_id


def asked_fields(data: Json) -> Any:
    """Return `projection`, else `only_fields`. Clients may send either name."""
    return data.get("projection") or data.get("only_fields")


def page(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """Return the page's documents with all fields, and the next scroll id of a scroll."""
    if "scroll_id" not in data:
        return documents.find(selection), None
    scroll_id, selection.offset, selection.limit = scrolls.start(
        data["scroll_id"], data.get("size"), refresh=bool(data.get("refresh_scroll"))
    )
    found = documents.find(selection)
    scrolls.note(scroll_id, selection.offset + len(found))
    return found, scroll_id


def answer(name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """Return the answer of a `get_all`: the documents under the entity's name."""
    return enveloped(name, *get_all(documents, data, selection))


def answer_joined(call: Call, name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """Return the answer of a `get_all_ex` or `get_by_id_ex`."""
    return enveloped(name, *get_all_joined(call, documents, data, selection))


def enveloped(name: str, found: list[Document], scroll_id: str | None) -> Json:
    """Return documents under the entity's name, with the scroll id if there is one."""
    return {name: found, "scroll_id": scroll_id} if scroll_id else {name: found}
