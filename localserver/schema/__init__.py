"""Tables of request fields: one JSON file a service, one table an endpoint, one line a field (see README.md)."""

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
    """What one field takes. `required` and `subcode` are the subcodes of the error when it is missing or wrong.

    `no_effect` is the reason why acting on the field would change nothing here. `is_refused`: acting on it would
    change the answer, and no handler does.
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
    """The fields of one request or of one object inside a request. `is_closed`: other names are an error."""

    name: str
    fields: Mapping[str, Field]
    since: tuple[int, int] = (0, 0)
    left_out: str = ""
    is_closed: bool = False
    # The beginnings of names like `hyperparams.*`, with their fields.
    prefixes: tuple[tuple[str, Field], ...] = field(default=())

    def get(self, name: str) -> Field | None:
        return self.fields.get(name) or next((item for start, item in self.prefixes if name.startswith(start)), None)


@cache
def table(endpoint: str) -> Table:
    """The table of an endpoint; one without fields for an endpoint that has none."""
    return _table(endpoint, _endpoints().get(endpoint, {}), 12)


@cache
def shape(name: str, subcode: int) -> Table | None:
    """The fields of a kind of object inside requests, None if no kind has that name."""
    rows = _shapes().get(name)
    return None if rows is None else _table(name, rows, subcode)


def endpoints() -> Iterator[str]:
    """The names of all endpoints of ClearML Server."""
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
