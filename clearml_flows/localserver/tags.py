"""Tags and system tags. Clients before API 2.3 know only `tags`, which has both kinds."""

from collections.abc import Mapping
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.wire import Json, Version

_BOTH_KINDS = (2, 3)
_SYSTEM = {
    "tasks": frozenset({"active", "archived", "development"}),
    "models": frozenset({"active", "archived"}),
    "projects": frozenset({"archived", "default", "public"}),
}
_SYSTEM_PREFIXES = {"tasks": ("annotat",)}
_OPERATOR = "__$"


def check(data: Mapping[str, Any], *names: str) -> None:
    """Reject tags with the prefix of filter operators; raises errors.InvalidFields."""
    for name in names:
        unsupported = [tag for tag in data.get(name) or [] if str(tag).startswith(_OPERATOR)]
        if unsupported:
            raise errors.InvalidFields("unsupported tag prefix", values=unsupported)


def split(service: str, version: Version, data: Json) -> Json:
    """Return the request with an old client's system tags moved to `system_tags`."""
    tags = data.get("tags")
    if version >= _BOTH_KINDS or service not in _SYSTEM or not isinstance(tags, list) or data.get("system_tags"):
        return data
    system = [tag for tag in tags if _is_system(service, str(tag).removeprefix("-"))]
    return {**data, "tags": [tag for tag in tags if tag not in system], "system_tags": system}


def _is_system(service: str, tag: str) -> bool:
    return tag in _SYSTEM[service] or tag.lower().startswith(_SYSTEM_PREFIXES.get(service, ()))


def shown(version: Version, answer: Json) -> Json:
    """Return the answer with sorted tags. For old clients, `tags` includes the system tags."""
    return {name: _shown(version, value) for name, value in answer.items()}


def _shown(version: Version, value: Any) -> Any:
    if isinstance(value, list):
        return [_of(version, item) if isinstance(item, dict) else item for item in value]
    return _of(version, value) if isinstance(value, dict) else value


def _of(version: Version, document: Json) -> Json:
    """Return a document with its tags formatted. Objects without tags stay unchanged."""
    fields = {name: sorted(document[name]) for name in ("tags", "system_tags") if _is_texts(document.get(name))}
    if version < _BOTH_KINDS and fields.get("system_tags"):
        fields["tags"] = sorted({*fields.get("tags", []), *fields["system_tags"]})
    return {**document, **fields} if fields else document


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
