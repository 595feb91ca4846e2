"""`get_all`, the same for every entity: filters, order, paging, and only the fields that were asked for."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from localserver import errors
from localserver.store import query
from localserver.store.documents import Document, Documents
from localserver.store.entities import Entity
from localserver.wire import Json


def get_all(documents: Documents, data: Json, selection: query.Selection) -> tuple[list[Document], str | None]:
    """The page of documents that `data` asks for, and the scroll id of the next one if it scrolls."""
    only = only_fields(documents.entity, data.get("only_fields"))
    scrolls = bool(data.get("scroll_id") or data.get("size"))
    if data.get("scroll_id"):
        selection.offset = _offset(data["scroll_id"])
    found = documents.find(selection)
    shown = [projected(document, only) for document in found]
    return shown, _scroll_id(selection.offset + len(found)) if scrolls else None


def answer(name: str, documents: Documents, data: Json, selection: query.Selection) -> Json:
    """The answer of a `get_all`: the documents under the entity's name."""
    found, scroll_id = get_all(documents, data, selection)
    return {name: found, "scroll_id": scroll_id} if scroll_id else {name: found}


def only_fields(entity: Entity, value: Any) -> list[str]:
    """The fields to show, checked; raises errors.LookupFailed for one that there cannot be."""
    wanted = names(value or [])
    for name in wanted:
        if name.partition(".")[0] not in entity.fields:
            raise errors.LookupFailed(err=f'Cannot resolve field "{name.partition(".")[0][:100]}"')
    return wanted


def names(value: Any) -> list[str]:
    """One text or a list of text, as a list; raises errors.InvalidFields for anything else."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise errors.InvalidFields("expecting text or a list of text")
    return values


def projected(document: Document, fields: Sequence[str]) -> Document:
    """The document with only the named fields (and its id), nested ones with dots; all of it when none is named."""
    if not fields:
        return document
    shown: Document = {"id": document["id"]}
    for name in fields:
        _copy(document, shown, name.split("."))
    return shown


def _copy(source: Document, target: Document, path: Sequence[str]) -> None:
    # Longest first: keys of hyper-parameters hold dots themselves.
    for end in range(len(path), 0, -1):
        key = ".".join(path[:end])
        if key in source:
            if end == len(path):
                target[key] = source[key]
            elif isinstance(source[key], dict):
                _copy(source[key], target.setdefault(key, {}), path[end:])
            return


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
