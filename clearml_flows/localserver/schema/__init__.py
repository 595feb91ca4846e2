"""Tables of request fields: one JSON file per service, one table per endpoint.

README.md describes the format.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Rows = Mapping[str, Any]
_META = ("$since", "$left out", "$closed")


@dataclass(frozen=True, slots=True)
class Field:
    """A request field.

    Attributes:
        items: Allowed types of list items or dict values.
        min: Minimum of a number, or of the length of a list or string.
        max: Like `min`, the maximum.
        required: Subcode of the error if the field is missing. 0 means optional.
        subcode: Subcode of the error if the value is wrong.
        no_effect: Why acting on the field would change nothing in this backend.
        is_refused: Acting on the field would change the answer, and no handler does.
    """

    name: str
    type: str = "any"
    items: tuple[str, ...] = ()
    enum: tuple[Any, ...] = ()
    min: float | None = None
    max: float | None = None
    required: int = 0
    null: bool = True
    default: Any = None
    subcode: int = 12
    no_effect: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of a request or of an object inside a request.

    Attributes:
        since: First API version of the endpoint.
        left_out: Why this backend does not answer the endpoint.
        is_closed: Unknown field names are an error.
    """

    name: str
    fields: Mapping[str, Field]
    since: tuple[int, int] = (0, 0)
    left_out: str = ""
    is_closed: bool = False
    # (prefix, field) for names such as `hyperparams.*`.
    prefixes: tuple[tuple[str, Field], ...] = field(default=())

    def get(self, name: str) -> Field | None:
        """Return the field with this name or with a prefix of it, or None."""
        return self.fields.get(name) or next((item for start, item in self.prefixes if name.startswith(start)), None)


@cache
def table(endpoint: str) -> Table:
    """Return the table of an endpoint. It is empty for an unknown endpoint."""
    return _table(endpoint, _endpoints().get(endpoint, {}), 12)


@cache
def shape(name: str, subcode: int) -> Table | None:
    """Return the table of an object type inside requests, or None."""
    rows = _shapes().get(name)
    return None if rows is None else _table(name, rows, subcode)


def endpoints() -> Iterator[str]:
    """Return the names of all endpoints of ClearML Server."""
    return iter(_endpoints())


def _table(name: str, rows: Rows, subcode: int) -> Table:
    fields = {key: _field(key, row, subcode) for key, row in rows.items() if key not in _META}
    major, _, minor = rows.get("$since", "0.0").partition(".")
    prefixes = tuple((key[:-1], item) for key, item in fields.items() if key.endswith("*"))
    return Table(
        name, fields, (int(major), int(minor)), rows.get("$left out", ""), rows.get("$closed", False), prefixes
    )


def _field(name: str, row: Rows, subcode: int) -> Field:
    items = row.get("items", ())
    required = row.get("required", 0)
    return Field(
        name,
        row["type"],
        (items,) if isinstance(items, str) else tuple(items),
        tuple(row.get("enum", ())),
        row.get("min"),
        row.get("max"),
        12 if required is True else int(required),
        row.get("null", True),
        row.get("default"),
        row.get("subcode", subcode),
        row.get("no effect", ""),
        row.get("refused", False),
    )


@cache
def _endpoints() -> dict[str, Rows]:
    return {name: rows for service, tables in _files().items() if service != "shapes" for name, rows in tables.items()}


def _shapes() -> dict[str, Rows]:
    return _files()["shapes"]


@cache
def _files() -> dict[str, dict[str, Rows]]:
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(Path(__file__).parent.glob("*.json"))}
