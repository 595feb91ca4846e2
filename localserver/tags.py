"""Tags and system tags. Clients before API 2.3 know `tags` alone, with both kinds in it."""

from collections.abc import Mapping
from typing import Any

from localserver import errors
from localserver.wire import Json, Version

_BOTH_KINDS = (2, 3)
_SYSTEM = {
    "tasks": frozenset({"active", "archived", "development"}),
    "models": frozenset({"active", "archived"}),
    "projects": frozenset({"archived", "default", "public"}),
}
_SYSTEM_PREFIXES = {"tasks": ("annotat",)}
_OPERATOR = "__$"


def check(data: Mapping[str, Any], *names: str) -> None:
    """Raises errors.InvalidFields for a tag that would be an operator of a filter."""
    for name in names:
        unsupported = [tag for tag in data.get(name) or [] if str(tag).startswith(_OPERATOR)]
        if unsupported:
            raise errors.InvalidFields("unsupported tag prefix", values=unsupported)


def split(service: str, version: Version, data: Json) -> Json:
    """The request with the system tags of an old client moved from `tags` to `system_tags`."""
    tags = data.get("tags")
    if version >= _BOTH_KINDS or service not in _SYSTEM or not isinstance(tags, list) or data.get("system_tags"):
        return data
    system = [tag for tag in tags if _is_system(service, str(tag).removeprefix("-"))]
    return {**data, "tags": [tag for tag in tags if tag not in system], "system_tags": system}


def _is_system(service: str, tag: str) -> bool:
    return tag in _SYSTEM[service] or tag.lower().startswith(_SYSTEM_PREFIXES.get(service, ()))


def shown(version: Version, answer: Json) -> Json:
    """The answer with the tags of its documents sorted; for an old client the system tags are among the tags."""
    return {name: _shown(version, value) for name, value in answer.items()}


def _shown(version: Version, value: Any) -> Any:
    if isinstance(value, list):
        return [_of(version, item) if isinstance(item, dict) else item for item in value]
    return _of(version, value) if isinstance(value, dict) else value


def _of(version: Version, document: Json) -> Json:
    """A document, or another object, which has no lists of tags and stays as it is."""
    fields = {name: sorted(document[name]) for name in ("tags", "system_tags") if _is_texts(document.get(name))}
    if version < _BOTH_KINDS and fields.get("system_tags"):
        fields["tags"] = sorted({*fields.get("tags", []), *fields["system_tags"]})
    return {**document, **fields} if fields else document


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
