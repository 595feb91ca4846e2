"""Conditions of a `get_all` request. The kind of a field decides how it is filtered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.store import lists, patterns
from clearml_flows.localserver.store.entities import DATES, Entity
from clearml_flows.localserver.store.expressions import Condition, expression, values

MAX_NAMES = 100
# Fields that `search_text` searches.
_SEARCHED = frozenset({"id", "name", "comment", "description", "tags", "system_tags"})
_COMPARISONS = (">=", "<=", ">", "<")
_MULTIPLE = {"_any_": "OR", "_or_": "OR", "_all_": "AND", "_and_": "AND"}


def conditions(entity: Entity, request: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of a request. Request fields that are no filters are ignored.

    Raises errors.ApiError for a bad filter.
    """
    combined = _combined(entity, request.get("filters"))
    found = [
        _filter(entity, kind, name, value)
        for name, value in request.items()
        if value is not None and name not in combined and (kind := entity.kind(name))
    ]
    found += combined.values()
    if len(found) > MAX_NAMES:
        raise errors.InvalidFields("too many filters", found=len(found), limit=MAX_NAMES)
    found += [_multiple(entity, name, request[name]) for name in _MULTIPLE if request.get(name) is not None]
    if request.get("search_text"):
        found.append(_search(entity, str(request["search_text"])))
    return found


def instant(value: Any) -> str:
    """Return an ISO 8601 date as documents hold it (UTC, microseconds). Naive dates are UTC.

    Raises errors.InvalidFields.
    """
    try:
        parsed = datetime.fromisoformat(value.strip())
        return (parsed.replace(tzinfo=parsed.tzinfo or UTC)).astimezone(UTC).isoformat(timespec="microseconds")
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise errors.InvalidFields("expecting a date", found=str(value)[:100]) from error


def few(value: Any, field: str) -> list[Any]:
    """Return the names in a request field as a list.

    Raises errors.InvalidFields for more than MAX_NAMES, which SQLite could not take, and for values that are no text.
    """
    names = value if isinstance(value, list) else [value]
    if len(names) > MAX_NAMES:
        raise errors.InvalidFields("too many names of fields", field=field, found=len(names), limit=MAX_NAMES)
    if not all(isinstance(name, str) for name in names):
        raise errors.InvalidFields("expecting names of fields", field=field)
    return names


def _filter(entity: Entity, kind: str, name: str, value: Any) -> Condition:
    if kind == "list":
        return lists.condition(name, value if isinstance(value, list) else [value], values(entity, name))
    if kind == "range":
        return _range(entity, name, value)
    if kind == "date":
        return _dates(entity, name, value)
    if kind == "pattern":
        if not isinstance(value, str):
            raise errors.InvalidFields("failed parsing query field", error="expected text", field=name)
        return _matching(entity, name, value, ignore_case=False) if value else ("1", [])
    if isinstance(value, (list, dict)):
        raise errors.InvalidFields("expecting text, a number or a boolean", field=name)
    return values(entity, name).where("{} = ?", [value])


def _combined(entity: Entity, value: Any) -> dict[str, Condition]:
    """Return the conditions of `filters` by field. Only fields of kind `list` are used."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.InvalidFields("invalid value type, object expected", field="filters", value=str(value)[:100])
    return {
        name: lists.combined(name, asked, values(entity, name))
        for name, asked in value.items()
        if asked and entity.kind(name) == "list"
    }


def _matching(entity: Entity, name: str, pattern: str, ignore_case: bool) -> Condition:
    return values(entity, name).where(*patterns.condition("{}", [], pattern, ignore_case))


def _range(entity: Entity, name: str, value: Any) -> Condition:
    """Return SQL for `[min, max]`, both inclusive.

    Without a minimum, documents without a value match too.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise errors.ValidationError(f"Min and max values should be specified for range field {name}")
    least, most = value
    if least is None and most is None:
        raise errors.ValidationError(f"At least one of min or max values should be provided for field {name}")
    sql, bound = expression(entity, name)
    ends = [
        (f"{sql} {comparison} ?", [*bound, _bounded(name, end)])
        for comparison, end in ((">=", least), ("<=", most))
        if end is not None
    ]
    within = lists.joined("AND", ends)
    return within if least is not None else lists.joined("OR", [within, (f"{sql} IS NULL", bound)])


def _bounded(name: str, value: Any) -> Any:
    """Return the end of a range in the form that documents store."""
    if name in DATES:
        try:
            return instant(value)
        except errors.InvalidFields as error:
            raise errors.DataValidationError(**{name: f'cannot parse date "{str(value)[:100]}"'}) from error
    try:
        return value if isinstance(value, (int, float)) else float(value)
    except (TypeError, ValueError) as error:
        raise errors.InvalidFields("expecting a number", field=name, found=str(value)[:100]) from error


def _dates(entity: Entity, name: str, value: Any) -> Condition:
    """Return SQL for a list of `">=date"` and the like that must all hold, or for `[min, max]`."""
    dates = value if isinstance(value, list) else [value]
    if len(dates) == 2 and not any(isinstance(date, str) and date.startswith(_COMPARISONS) for date in dates):
        return _range(entity, name, dates)
    if len(dates) > MAX_NAMES:
        raise errors.InvalidFields("too many dates", found=len(dates), limit=MAX_NAMES)
    sql, bound = expression(entity, name)
    terms = []
    for date in dates:
        operator = next((prefix for prefix in _COMPARISONS if str(date).startswith(prefix)), "")
        limit = instant(date[len(operator) :] if operator else date)
        terms.append((f"{sql} {operator or '='} ?", [*bound, limit]))
    return lists.joined("AND", terms)


def _multiple(entity: Entity, name: str, value: Any) -> Condition:
    """Return SQL for `{"fields": […], "pattern": …}` or `{"fields": […], "datetime": …}`."""
    wrong = errors.InvalidFields(
        "failed parsing query field", error=f"incorrect field format: field={name}", field=name
    )
    if not isinstance(value, dict) or "fields" not in value or set(value) - {"fields", "pattern", "datetime"}:
        raise wrong
    pattern, dates = value.get("pattern"), value.get("datetime")
    if (pattern is None) == (dates is None):
        raise wrong
    names = few(value["fields"] or [], "fields")
    if pattern is None:
        names = [field for field in names if entity.kind(field) == "date"]
        return lists.joined(_MULTIPLE[name], [_dates(entity, field, dates) for field in names])
    if not isinstance(pattern, str):
        raise errors.InvalidFields("expecting a regular expression", field="pattern")
    return lists.joined(_MULTIPLE[name], [_matching(entity, field, pattern, ignore_case=True) for field in names])


def _search(entity: Entity, text: str) -> Condition:
    found = [expression(entity, name) for name in sorted(_SEARCHED & entity.fields)]
    return lists.joined("OR", [(f"instr(lower({sql}), lower(?)) > 0", [*bound, text]) for sql, bound in found])
