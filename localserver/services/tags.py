"""Tags and system tags. Clients before API 2.3 know `tags` alone, with both kinds in it."""

from collections.abc import Iterable

from localserver import errors
from localserver.registry import Call
from localserver.store.documents import Document
from localserver.wire import Json

_BOTH_KINDS = (2, 3)
_SYSTEM = {
    "tasks": frozenset({"active", "archived", "development"}),
    "models": frozenset({"active", "archived"}),
    "projects": frozenset({"archived", "default", "public"}),
    "queues": frozenset({"default"}),
}
_SYSTEM_PREFIXES = {"tasks": ("annotat",)}
_OPERATOR = "__$"


def split(call: Call, entity: str) -> Call:
    """The request with the system tags of an old client moved from `tags` to `system_tags`."""
    tags = call.data.get("tags")
    if call.version >= _BOTH_KINDS or not isinstance(tags, list) or call.data.get("system_tags"):
        return call
    system = [tag for tag in tags if _is_system(entity, str(tag).removeprefix("-"))]
    return call.asking({**call.data, "tags": [tag for tag in tags if tag not in system], "system_tags": system})


def _is_system(entity: str, tag: str) -> bool:
    return tag in _SYSTEM[entity] or tag.lower().startswith(_SYSTEM_PREFIXES.get(entity, ()))


def check(data: Json, *names: str) -> None:
    """Raises errors.InvalidFields for a tag that would be an operator of a filter."""
    for name in names:
        unsupported = [tag for tag in data.get(name) or [] if str(tag).startswith(_OPERATOR)]
        if unsupported:
            raise errors.InvalidFields("unsupported tag prefix", values=unsupported)


def shown(call: Call, documents: Iterable[Document]) -> list[Document]:
    """The documents with their tags sorted; for an old client with the system tags among the tags."""
    return [_shown(call, document) for document in documents]


def _shown(call: Call, document: Document) -> Document:
    fields = {name: sorted(document[name]) for name in ("tags", "system_tags") if document.get(name)}
    if call.version < _BOTH_KINDS and fields.get("system_tags"):
        fields["tags"] = sorted({*fields.get("tags", []), *fields["system_tags"]})
    return {**document, **fields}
