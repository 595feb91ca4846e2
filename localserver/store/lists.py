"""ClearML's little language for lists in filters: `["a", "-b"]`, `["__$all", "a", "b", "__$not", "c"]`, …"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from localserver import errors

Condition = tuple[str, list[Any]]
MAX_VALUES = 20_000
# SQLite nests at most 1000 terms.
MAX_TERMS = 200
_JOINS = {"__$all": "AND", "__$and": "AND", "__$any": "OR", "__$or": "OR", "__$nop": ""}


@dataclass
class _Group:
    """The values up to the next operator. Without an operator: any of the wanted, and none of the unwanted."""

    join: str = ""
    wanted: list[Any] = field(default_factory=list)
    unwanted: list[Any] = field(default_factory=list)


def condition(values: Sequence[Any], among: Callable[[list[Any]], Condition]) -> Condition:
    """SQL for the list `values`, where `among(some)` is the SQL of "is, or has, one of some"; groups must all hold."""
    if len(values) > MAX_VALUES:
        raise errors.InvalidFields("too many values in a list", found=len(values), limit=MAX_VALUES)
    groups = [group for group in _groups(values) if group.wanted or group.unwanted]
    terms = sum(len(group.wanted) + len(group.unwanted) if group.join else 1 for group in groups)
    if terms > MAX_TERMS:
        raise errors.InvalidFields("too many operators in a list", found=terms, limit=MAX_TERMS)
    parts = [_sql(group, among) for group in groups]
    if not parts:
        return "1", []
    return " AND ".join(f"({sql})" for sql, _ in parts), [value for _, bound in parts for value in bound]


def _groups(values: Sequence[Any]) -> list[_Group]:
    groups = [_Group()]
    negate = False
    for value in values:
        if value == "__$not":
            negate = True
        elif isinstance(value, str) and value in _JOINS:
            groups.append(_Group(_JOINS[value]))
        else:
            if not negate and isinstance(value, str) and value.startswith("-"):
                negate, value = True, value[1:]
            (groups[-1].unwanted if negate else groups[-1].wanted).append(_scalar(value))
            negate = False
    return groups


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise errors.InvalidFields("expecting text or numbers in a list", found=type(value).__name__)


def _sql(group: _Group, among: Callable[[list[Any]], Condition]) -> Condition:
    if group.join:
        terms = [among([value]) for value in group.wanted]
        terms += [_negated(among([value])) for value in group.unwanted]
        return f" {group.join} ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]
    terms = [among(group.wanted)] if group.wanted else []
    terms += [_negated(among(group.unwanted))] if group.unwanted else []
    return " AND ".join(sql for sql, _ in terms), [value for _, bound in terms for value in bound]


def _negated(condition: Condition) -> Condition:
    # What has no value is not one of the unwanted; to SQL it would be unknown whether it is.
    return f"NOT ifnull({condition[0]}, 0)", condition[1]
