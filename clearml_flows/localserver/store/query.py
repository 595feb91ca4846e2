"""Translate `get_all` requests to SQL on one table of documents.

Values and paths are always bound.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.entities import EMPTY_TEXTS, Entity
from clearml_flows.localserver.store.expressions import Condition, expression
from clearml_flows.localserver.store.filters import conditions, few
from clearml_flows.localserver.store.filters import instant as instant

DEFAULT_PAGE_SIZE = 500
# Larger pages are cut to this size, as ClearML Server does.
MAX_PAGE_SIZE = 500
MAX_OFFSET = 2**62
_SCORE = "@text_score"


@dataclass
class Selection:
    """Conditions that must all hold, and the order, limit and offset of the documents."""

    conditions: list[Condition] = field(default_factory=list)
    order: list[Condition] = field(default_factory=list)
    limit: int = DEFAULT_PAGE_SIZE
    offset: int = 0

    def equal(self, column: str, value: Any) -> "Selection":
        self.conditions.append((f"{column} = ?", [value]))
        return self

    def among(self, column: str, values: Iterable[str | None]) -> "Selection":
        """Select documents with one of the values. None selects documents without a value."""
        wanted = list(values)
        sql = f"{column} IN (SELECT value FROM json_each(?))"
        self.conditions.append((f"{sql} OR {column} IS NULL" if None in wanted else sql, [json.dumps(wanted)]))
        return self

    def tagged(self, column: str, tag: str, is_not: bool = False) -> "Selection":
        """Select documents with a tag, or without it if `is_not`. `column` is tags or system_tags."""
        has = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ?)"
        self.conditions.append((f"NOT {has}" if is_not else has, [tag]))
        return self

    def holding(self, path: str, attribute: str, value: str) -> "Selection":
        """Select documents whose list at a JSON path has an object with this attribute value."""
        has = "EXISTS (SELECT 1 FROM json_each(doc, ?) WHERE json_extract(value, ?) = ?)"
        self.conditions.append((has, [path, f"$.{attribute}", value]))
        return self

    def inside(self, projects: Iterable[str]) -> "Selection":
        """Select projects below one of the given projects, at any depth."""
        below = "EXISTS (SELECT 1 FROM json_each(doc, '$.path') WHERE value IN (SELECT value FROM json_each(?)))"
        self.conditions.append((below, [json.dumps(list(projects))]))
        return self

    def ran(self, start: str, end: str) -> "Selection":
        """Select tasks that ran between two instants."""
        ran = "started < ? AND (status = 'in_progress' OR ifnull(completed, status_changed) > ?)"
        self.conditions.append((ran, [end, start]))
        return self

    def both(self, condition: Condition) -> "Selection":
        self.conditions.append(condition)
        return self

    def where(self) -> Condition:
        sql = " AND ".join(f"({condition})" for condition, _ in self.conditions) or "1"
        return sql, [value for _, bound in self.conditions for value in bound]

    def ordering(self) -> Condition:
        # `seq` breaks ties in the direction of the last term, so that SQLite can use the order of an index.
        last = self.order[-1][0] if self.order else ""
        terms = [*self.order, ("seq DESC" if last.endswith(" DESC") else "seq", [])]
        return ", ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]


def select(entity: Entity, request: Mapping[str, Any]) -> Selection:
    """Return the selection that a request asks for.

    Raises errors.LookupFailed for an unknown field and errors.InvalidFields or errors.ValidationError for a bad value.
    """
    selection = Selection(conditions=conditions(entity, request), order=_order(entity, request))
    _page(selection, request)
    return selection


def scroll_size(size: Any) -> int:
    """Return the page size for `start` or `scroll_id`. Raises errors.ValidationError."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise errors.ValidationError(
            "Integer size parameter greater than 1 should be provided when working with scroll"
        )
    return size


def _order(entity: Entity, request: Mapping[str, Any]) -> list[Condition]:
    names = few(request.get("order_by") or [], "order_by")
    if any(name.lstrip("-") == _SCORE for name in names) and not request.get("search_text"):
        raise errors.InvalidFields("text score cannot be used in order_by when search text is not used")
    names = [name for name in names if name.lstrip("-") != _SCORE]
    is_natural = any(name.lstrip("-").startswith(entity.natural) for name in (*request, *names[:1]))
    terms = [_term(entity, name, is_first=not number, is_natural=is_natural) for number, name in enumerate(names)]
    return [term for term in terms if term]


def _term(entity: Entity, name: str, is_first: bool, is_natural: bool) -> Condition | None:
    """Return SQL for one name of `order_by`, or None for a name that is no field.

    ClearML Server refuses an unknown name only in the first position.
    """
    try:
        sql, bound = expression(entity, name.removeprefix("-"))
    except errors.LookupFailed:
        if is_first and not name.startswith("-"):
            raise
        return None
    if name in EMPTY_TEXTS:
        sql = f"nullif({sql}, '')"
    # Scalars are numbers: sorting them needs no call into Python for each row.
    if is_natural and not name.lstrip("-").startswith("last_metrics."):
        sql = f"natural_key({sql})"
    # Documents without a value come last for the first name, in both directions. For other names they count as least.
    return f"{sql} DESC" if name.startswith("-") else f"{sql} NULLS LAST" if is_first else sql, bound


def _page(selection: Selection, request: Mapping[str, Any]) -> None:
    if request.get("start") is not None and "scroll_id" not in request:
        selection.offset, selection.limit = int(request["start"]), scroll_size(request.get("size"))
        if selection.offset < 0:
            raise errors.ValidationError("start must be >=0", field="start")
        return
    page, size = request.get("page", 0), request.get("page_size", DEFAULT_PAGE_SIZE)
    if page is not None and page < 0:
        raise errors.ValidationError("page must be >=0", field="page")
    if size is not None and size < 1:
        raise errors.ValidationError("page_size must be >0", field="page_size")
    if size is None:
        if page is not None:
            raise errors.MissingFields("page_size is required when page is requested", field="page_size")
        selection.limit = -1
        return
    selection.limit = min(int(size), MAX_PAGE_SIZE)
    selection.offset = int(page or 0) * selection.limit
    if selection.offset > MAX_OFFSET:
        raise errors.ValidationError("page is too large", field="page")
