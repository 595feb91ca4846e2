"""From a `get_all` request to SQL over one table of documents. Values and paths are always bound."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localserver import errors
from localserver.store.entities import EMPTY_TEXTS, Entity
from localserver.store.expressions import Condition, expression
from localserver.store.filters import conditions, few
from localserver.store.filters import instant as instant

DEFAULT_PAGE_SIZE = 500
# A larger page is cut, as the server does.
MAX_PAGE_SIZE = 500
MAX_OFFSET = 2**62
_SCORE = "@text_score"


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

    def among(self, column: str, values: Iterable[str | None]) -> "Selection":
        """Those with one of the values; None stands for those without."""
        wanted = list(values)
        sql = f"{column} IN (SELECT value FROM json_each(?))"
        self.conditions.append((f"{sql} OR {column} IS NULL" if None in wanted else sql, [json.dumps(wanted)]))
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

    def inside(self, projects: Iterable[str]) -> "Selection":
        """Those projects that stand below one of some, at any depth."""
        below = "EXISTS (SELECT 1 FROM json_each(doc, '$.path') WHERE value IN (SELECT value FROM json_each(?)))"
        self.conditions.append((below, [json.dumps(list(projects))]))
        return self

    def ran(self, start: str, end: str) -> "Selection":
        """Those Tasks that ran between two instants."""
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
        # Age decides last, in the direction of the term before it: SQLite then need not sort what an index has sorted.
        last = self.order[-1][0] if self.order else ""
        terms = [*self.order, ("seq DESC" if last.endswith(" DESC") else "seq", [])]
        return ", ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]


def select(entity: Entity, request: Mapping[str, Any]) -> Selection:
    """The selection that a request asks for; raises errors.LookupFailed or InvalidFields for what cannot be asked."""
    selection = Selection(conditions=conditions(entity, request), order=_order(entity, request))
    _page(selection, request)
    return selection


def scroll_size(size: Any) -> int:
    """The size of a page by `start` or `scroll_id`; raises errors.ValidationError."""
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
    """SQL for one name of `order_by`; None for a name without a value, which the server minds only in the first."""
    try:
        sql, bound = expression(entity, name.removeprefix("-"))
    except errors.LookupFailed:
        if is_first and not name.startswith("-"):
            raise
        return None
    if name in EMPTY_TEXTS:
        sql = f"nullif({sql}, '')"
    # The values of scalars are numbers: no call into Python for each of them.
    if is_natural and not name.lstrip("-").startswith("last_metrics."):
        sql = f"natural_key({sql})"
    # Without a value comes last in either direction of the first name, and counts as least in the others.
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
