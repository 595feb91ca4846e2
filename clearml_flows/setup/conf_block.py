"""Hosts and keys in a marked block at the end of a clearml.conf. Later values of HOCON win."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from clearml_flows.backend.configuration import HOSTS, KEYS, parse_conf, text_at
from clearml_flows.errors import FlowsError

PLACES = HOSTS | KEYS
BEGIN = "# >>> written by `flows setup`, which replaces this block as a whole"
END = "# <<< written by `flows setup`"
_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\r?\n.*?^{re.escape(END)}\r?\n?", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\d+\s*[a-z]+\s*")


def edited(text: str, wanted: dict[str, str], path: Path) -> str:
    """Return the text with the values `wanted`, by the names of PLACES.

    ClearML's parser then reads these values, and all other values as before. The text outside the block stays as it is.
    If the values are there already, nothing changes.

    Args:
        path: the file, for messages and for relative includes.

    Raises:
        FlowsError: the text is no HOCON, or a block at its end does not change its values.
    """
    present = _parsed(text, path)
    if all(_said(present, path, name) == value for name, value in wanted.items()):
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    rest = _BLOCK.sub("", text)
    lines = [BEGIN, *(f"{PLACES[name]}: {_quoted(value)}" for name, value in wanted.items()), END]
    start = newline if rest and not rest.endswith("\n") else ""
    after = rest + start + "".join(line + newline for line in lines)
    with suppress(FlowsError):
        if _is_right(_parsed(rest, path), parse_conf(after, path), wanted, path, "${" in text):
            return after
    raise FlowsError(
        f"{path} takes no values at its end, as when braces enclose the whole file; nothing was changed, "
        "edit it by hand"
    )


def pasted(text: str) -> dict[str, str]:
    """Return the hosts and keys in a block `api { … }` or in its content.

    Raises FlowsError if the text is neither.
    """
    for whole in (text, f"api {{\n{text}\n}}"):
        tree = parse_conf(whole, Path("clearml.conf"))
        found = {name: value for name in PLACES if (value := _said(tree, Path("clearml.conf"), name, exact=True))}
        if found:
            return found
    return {}


def _parsed(text: str, path: Path) -> Any:
    return parse_conf(text, path) if text.strip() else {}


def _said(tree: Any, path: Path, name: str, exact: bool = False) -> str:
    with suppress(FlowsError):
        return text_at(tree, path, PLACES[name]).rstrip("" if exact or name in KEYS else "/")
    return ""


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_right(before: Any, after: Any, wanted: dict[str, str], path: Path, substitutes: bool) -> bool:
    new = all(text_at(after, path, PLACES[name]) == value for name, value in wanted.items())
    # Substituted values may change together with their source.
    return new and (substitutes or _others(before, wanted) == _others(after, wanted))


def _others(tree: Any, wanted: dict[str, str]) -> dict[str, Any]:
    ours = {PLACES[name] for name in wanted} | {"api", "api.credentials"}
    return {path: value for path, value in _leaves(tree, "").items() if path not in ours}


def _leaves(tree: Any, path: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        # The parser reads "10 seconds" as a time only at the end of a file. Lines after it change its type.
        is_time = not isinstance(tree, str | int | float | list | None) or _TIME.fullmatch(str(tree))
        return {path: "a time" if is_time else repr(tree)}
    found = {path: "{}"}
    for key, value in tree.items():
        found |= _leaves(value, f"{path}.{key}" if path else str(key))
    return found
