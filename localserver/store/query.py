"""From the filters of a `get_all` request to SQL over one table of documents. Values and paths are always bound."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localserver import errors
from localserver.store import lists, patterns
from localserver.store.entities import DATES, LISTS, PATTERNS, Entity

Condition = tuple[str, list[Any]]
DEFAULT_PAGE_SIZE = 500
MAX_PAGE_SIZE = 10_000
MAX_NAMES = 100
# What the free text of `search_text` may stand in.
_SEARCHED = frozenset({"id", "name", "comment", "description", "tags", "system_tags"})
_COMPARISONS = (">=", "<=", ">", "<")
# Keys of these may hold dots themselves: how many names stand between the field and the attribute at the end.
_KEYED = {"hyperparams": 1, "configuration": 0, "metadata": 0}
# What stands in a table beside the documents (see the migrations m005 and m006): its keys, and the values it holds.
_BESIDE = {
    "last_metrics": ("last_values", ("metric", "variant"), ("value", "min_value", "max_value")),
    "hyperparams": ("parameters", ("section", "name"), ("value",)),
}


@dataclass
class Selection:
    """Which documents, in which order: `conditions` must all hold."""

    conditions: list[Condition] = field(default_factory=list)
    order: list[Condition] = field(default_factory=list)
    limit: int = DEFAULT_PAGE_SIZE
    offset: int = 0

    def equal(self, column: str, value: Any) -> "Selection":
        self.conditions.append((f"{column} = ?", [value]))
        return self

    def among(self, column: str, values: Iterable[str]) -> "Selection":
        self.conditions.append((f"{column} IN (SELECT value FROM json_each(?))", [json.dumps(list(values))]))
        return self

    def tagged(self, column: str, tag: str, is_not: bool = False) -> "Selection":
        """Those that have, or have not, a tag; `column` is tags or system_tags."""
        has = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ?)"
        self.conditions.append((f"NOT {has}" if is_not else has, [tag]))
        return self

    def holding(self, path: str, attribute: str, value: str) -> "Selection":
        """Those with an object in the list at a JSON path that has the attribute's value."""
        has = "EXISTS (SELECT 1 FROM json_each(doc, ?) WHERE json_extract(value, ?) = ?)"
        self.conditions.append((has, [path, f"$.{attribute}", value]))
        return self

    def inside(self, project: str) -> "Selection":
        """Those projects that stand below one, at any depth."""
        self.conditions.append(("EXISTS (SELECT 1 FROM json_each(doc, '$.path') WHERE value = ?)", [project]))
        return self

    def top(self) -> "Selection":
        """Those that have no parent."""
        self.conditions.append(("parent IS NULL", []))
        return self

    def where(self) -> Condition:
        sql = " AND ".join(f"({condition})" for condition, _ in self.conditions) or "1"
        return sql, [value for _, bound in self.conditions for value in bound]

    def ordering(self) -> Condition:
        # Age decides last, in the direction of the term before it: SQLite then need not sort what an index has sorted.
        last = self.order[-1][0] if self.order else ""
        terms = [*self.order, ("seq DESC" if last.endswith(" DESC") else "seq", [])]
        return ", ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]


def select(entity: Entity, request: Mapping[str, Any]) -> Selection:
    """The selection that a request asks for; raises errors.LookupFailed or InvalidFields for what cannot be asked."""
    selection = Selection()
    filters = {name: value for name, value in request.items() if name.partition(".")[0] in entity.fields}
    if len(filters) > MAX_NAMES:
        raise errors.InvalidFields("too many filters", found=len(filters), limit=MAX_NAMES)
    selection.conditions = [_filter(entity, name, value) for name, value in filters.items() if value is not None]
    for name, join in (("_any_", "OR"), ("_all_", "AND")):
        if request.get(name):
            selection.conditions.append(_multi(entity, request[name], join))
    if request.get("search_text"):
        selection.conditions.append(_search(entity, str(request["search_text"])))
    selection.order = _order(entity, request.get("order_by") or [])
    _page(selection, request)
    return selection


def expression(entity: Entity, name: str) -> Condition:
    """SQL for the value of a field, nested ones with dots; raises errors.LookupFailed when there is no such field."""
    segments = _segments(name)
    root = segments[0]
    if root not in entity.fields:
        raise errors.LookupFailed(err=f'Cannot resolve field "{root[:100]}"')
    if len(segments) == 1 and (root in entity.columns or root == "id"):
        return root, []
    rows, keys, values = _BESIDE.get(root, ("", (), ()))
    if len(segments) == 4 and segments[3] in values:
        of_this = " AND ".join([f"owner = {entity.table}.id", *(f"{key} = ?" for key in keys)])
        return f"(SELECT {segments[3]} FROM {entity.table}_{rows} WHERE {of_this})", segments[1:3]
    if any(not segment or '"' in segment or "\\" in segment or not segment.isprintable() for segment in segments):
        raise errors.LookupFailed(err=f'Cannot resolve field "{name[:100]}"')
    return "json_extract(doc, ?)", ["$" + "".join(f'."{segment}"' for segment in segments)]


def _segments(name: str) -> list[str]:
    segments = name.split(".")
    between = _KEYED.get(segments[0])
    if between is None or len(segments) < between + 4:
        return segments
    first = 1 + between
    return [*segments[:first], ".".join(segments[first:-1]), segments[-1]]


def _filter(entity: Entity, name: str, value: Any) -> Condition:
    if name in LISTS:
        return lists.condition(_listed(value), lambda values: _has_one(name, values))
    sql, bound = expression(entity, name)
    if name in DATES:
        return _dates(sql, _listed(value))
    if name in PATTERNS and isinstance(value, str):
        return patterns.condition(sql, bound, value, ignore_case=False)
    if isinstance(value, list):
        return lists.condition(value, lambda values: _is_one(sql, bound, values))
    if isinstance(value, dict):
        raise errors.InvalidFields("expecting text, a number or a list", field=name)
    return _is_one(sql, bound, [value])


def _few(value: Any, field: str) -> list[Any]:
    """The names in a field of a request; raises errors.InvalidFields when SQLite could not take so many."""
    names = _listed(value)
    if len(names) > MAX_NAMES:
        raise errors.InvalidFields("too many names of fields", field=field, found=len(names), limit=MAX_NAMES)
    return names


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_one(sql: str, bound: list[Any], values: list[Any]) -> Condition:
    # One bound JSON text in place of a variable per value: SQLite limits how many of those there may be.
    known = json.dumps([value for value in values if value is not None])
    found = f"{sql} IN (SELECT value FROM json_each(?))"
    if None in values:
        return f"({sql} IS NULL OR {found})", [*bound, *bound, known]
    return found, [*bound, known]


def _has_one(column: str, values: list[Any]) -> Condition:
    has = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value IN (SELECT value FROM json_each(?)))"
    return has, [json.dumps(values)]


def _dates(sql: str, values: list[Any]) -> Condition:
    terms: list[Condition] = []
    if len(values) > MAX_NAMES:
        raise errors.InvalidFields("too many dates", found=len(values), limit=MAX_NAMES)
    compared = [value for value in values if isinstance(value, str) and value.startswith(_COMPARISONS)]
    for value in compared:
        operator = next(prefix for prefix in _COMPARISONS if value.startswith(prefix))
        terms.append((f"{sql} {operator} ?", [instant(value[len(operator) :])]))
    plain = [value for value in values if value not in compared]
    if len(plain) == 2:
        terms += [(f"{sql} {op} ?", [instant(value)]) for op, value in zip((">=", "<="), plain, strict=True) if value]
    else:
        terms += [(f"{sql} = ?", [instant(value)]) for value in plain if value]
    return " AND ".join(term for term, _ in terms) or "1", [value for _, bound in terms for value in bound]


def instant(value: Any) -> str:
    """A date as documents hold it (UTC, microseconds), from any ISO 8601 text; naive ones are UTC."""
    try:
        parsed = datetime.fromisoformat(value.strip())
        return (parsed.replace(tzinfo=parsed.tzinfo or UTC)).astimezone(UTC).isoformat(timespec="microseconds")
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise errors.InvalidFields("expecting a date", found=str(value)[:100]) from error


def _multi(entity: Entity, request: Any, join: str) -> Condition:
    if not isinstance(request, dict) or not isinstance(request.get("fields"), list):
        raise errors.InvalidFields("expecting {fields: [...], pattern: '...'}")
    pattern = request.get("pattern")
    if not isinstance(pattern, str):
        raise errors.InvalidFields("expecting a regular expression", field="pattern")
    terms = []
    for name in _few(request["fields"], "fields"):
        if not isinstance(name, str):
            raise errors.InvalidFields("expecting names of fields", field="fields")
        sql, bound = expression(entity, name)
        terms.append(patterns.condition(sql, bound, pattern, ignore_case=True))
    return f" {join} ".join(f"({sql})" for sql, _ in terms) or "1", [value for _, bound in terms for value in bound]


def _search(entity: Entity, text: str) -> Condition:
    terms: list[Condition] = []
    for name in sorted(_SEARCHED & entity.fields):
        sql, bound = expression(entity, name)
        terms.append((f"instr(lower({sql}), lower(?)) > 0", [*bound, text]))
    return " OR ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]


def _order(entity: Entity, names: Any) -> list[Condition]:
    order = []
    for name in _few(names, "order_by"):
        if not isinstance(name, str):
            raise errors.InvalidFields("expecting names of fields", field="order_by")
        if name.lstrip("-") == "@text_score":
            continue
        sql, bound = expression(entity, name.removeprefix("-"))
        # Those without a value come last in either direction.
        order.append((f"{sql} DESC" if name.startswith("-") else f"{sql} NULLS LAST", bound))
    return order


def _page(selection: Selection, request: Mapping[str, Any]) -> None:
    size = request.get("page_size") or request.get("size") or DEFAULT_PAGE_SIZE
    page = request.get("page") or 0
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise errors.ValidationError(f"error for field 'page_size'. value must be from 1 to {MAX_PAGE_SIZE}")
    if not 0 <= page <= 10**9:
        raise errors.ValidationError("error for field 'page'. value must be from 0 to 1000000000")
    selection.limit = size
    selection.offset = page * size
