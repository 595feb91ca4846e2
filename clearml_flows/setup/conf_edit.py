"""Change hosts and keys in the text of a clearml.conf. All other text stays as it is."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from clearml_flows.backend.configuration import HOSTS, KEYS, parse_conf, text_at
from clearml_flows.errors import FlowsError
from clearml_flows.setup.hocon import Assigned, NotUnderstood, assignments, quoted, values

PLACES = {name: tuple(place.split(".")) for name, place in (HOSTS | KEYS).items()}
_API, _CREDENTIALS = ("api",), ("api", "credentials")
_REST_OF_LINE = re.compile(r"[ \t]*(?:(?:#|//)[^\n]*)?\r?\n")
_FIRST_INDENT = re.compile(r"(?:[ \t]*\r?\n)*([ \t]*)(?=[^\s}])")
_INDENT = re.compile(r"[ \t]*")
_TIME = re.compile(r"\d+\s*[a-z]+\s*")
Wanted = dict[str, str]
Tree = dict[str, Any]


def edited(text: str, wanted: Wanted, path: Path) -> str:
    """Return the text with the values `wanted`, by the names of PLACES.

    ClearML's parser then reads these values, and all other values as before. Equal values stay as they are written,
    different values are replaced, and missing values go into the block `api`. If that has no effect, lines at the end
    override earlier ones.

    Args:
        path: the file, for messages and for relative includes.

    Raises:
        FlowsError: the text is no HOCON, or it cannot be edited.
    """
    before = parse_conf(text, path) if text.strip() else {}
    wanted = {name: value for name, value in wanted.items() if _said(before, path, name) != value}
    if not wanted:
        return text
    for edit in (_in_place, _appended):
        try:
            after = edit(text, wanted)
            if _is_right(before, parse_conf(after, path), wanted, path, "${" in text):
                return after
        except (NotUnderstood, FlowsError):
            continue
    raise FlowsError(f"{path} has its `api` block in a form that cannot be edited; nothing was changed, do it by hand")


def _said(tree: Any, path: Path, name: str) -> str:
    with suppress(FlowsError):
        return text_at(tree, path, (HOSTS | KEYS)[name]).rstrip("/" if name in HOSTS else "")
    return ""


def pasted(text: str) -> Wanted:
    """Return the hosts and keys in a block `api { … }` or in its content.

    Raises NotUnderstood.
    """
    found = values(text)
    said = {name: found.get(place) or found.get(place[1:]) for name, place in PLACES.items()}
    return {name: value for name, value in said.items() if value}


def _in_place(text: str, wanted: Wanted) -> str:
    found = assignments(text)
    places = {one.path: one for one in found if not one.is_object}
    blocks = {one.path: one for one in found if one.is_object}
    there = [(places[PLACES[name]], value) for name, value in wanted.items() if PLACES[name] in places]
    changes = [(one.start, one.end, quoted(value)) for one, value in there]
    missing = {PLACES[name]: quoted(value) for name, value in wanted.items() if PLACES[name] not in places}
    changes += [_insertion(text, blocks[path], tree) for path, tree in _by_block(missing, blocks).items()]
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _by_block(
    missing: dict[tuple[str, ...], str], blocks: dict[tuple[str, ...], Assigned]
) -> dict[tuple[str, ...], Tree]:
    """Return the values to insert, by the existing object that they go into, as trees."""
    grown: dict[tuple[str, ...], Tree] = {}
    for path, value in missing.items():
        depth = max(depth for depth in range(len(path)) if path[:depth] in blocks)
        tree = grown.setdefault(path[:depth], {})
        for name in path[depth:-1]:
            below = tree.setdefault(name, {})
            tree = below if isinstance(below, dict) else {}
        tree[path[-1]] = value
    return grown


def _insertion(text: str, block: Assigned, tree: Tree) -> tuple[int, int, str]:
    """Return (start, end, new text) of an insertion into a block.

    The text goes to the beginning of the block, or to the end of the file for the path ().
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    if not block.path:
        before = newline if text[: block.end] and not text[: block.end].endswith("\n") else ""
        return block.end, block.end, before + _lines(tree, "", newline)
    first = _REST_OF_LINE.match(text, block.start, block.end)
    if first is None:
        return block.start, block.start, _inline(tree) + (", " if text[block.start : block.end].strip() else "")
    return first.end(), first.end(), _lines(tree, _indent(text, first.end(), block), newline)


def _lines(tree: Tree, indent: str, newline: str) -> str:
    told = ""
    for name, value in tree.items():
        if isinstance(value, dict):
            inner = _lines(value, indent + "    ", newline)
            told += f"{indent}{name} {{{newline}{inner}{indent}}}{newline}"
        else:
            told += f"{indent}{name}: {value}{newline}"
    return told


def _inline(tree: Tree) -> str:
    parts = [f"{name} {{{_inline(it)}}}" if isinstance(it, dict) else f"{name}: {it}" for name, it in tree.items()]
    return ", ".join(parts)


def _indent(text: str, at: int, block: Assigned) -> str:
    """Return the indent of the first line in the block, or four more than its opening line has."""
    if inner := _FIRST_INDENT.match(text, at, block.end):
        return inner[1]
    around = _INDENT.match(text, text.rfind("\n", 0, block.start) + 1)
    return (around[0] if around else "") + "    "


def _appended(text: str, wanted: Wanted) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = ["# by `flows setup`", *(f"{'.'.join(PLACES[name])}: {quoted(value)}" for name, value in wanted.items())]
    start = "" if text.endswith("\n") else newline
    return text + start + "".join(line + newline for line in lines)


def _is_right(before: Any, after: Any, wanted: Wanted, path: Path, substitutes: bool) -> bool:
    places = HOSTS | KEYS
    new = all(text_at(after, path, places[name]) == value for name, value in wanted.items())
    # Substituted values may change together with their source.
    return new and (substitutes or _others(before, wanted) == _others(after, wanted))


def _others(tree: Any, wanted: Wanted) -> dict[tuple[str, ...], Any]:
    leaves = _leaves(tree, ())
    ours = {PLACES[name] for name in wanted}
    around = {_API, _CREDENTIALS}
    return {path: value for path, value in leaves.items() if path not in ours | around}


def _leaves(tree: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    if not isinstance(tree, dict):
        # The parser reads "10 seconds" as a time only at the end of a file. An appended line changes its type.
        is_time = not isinstance(tree, str | int | float | list | None) or _TIME.fullmatch(str(tree))
        return {path: "a time" if is_time else repr(tree)}
    found = {path: "{}"}
    for key, value in tree.items():
        found |= _leaves(value, (*path, str(key)))
    return found
