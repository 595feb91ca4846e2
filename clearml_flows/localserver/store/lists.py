"""The two filter languages of ClearML for list fields.

They are `["a", "-b", "__$all", "c"]` and `{"any": {"include": ["a"]}}`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.expressions import Condition, Values

MAX_VALUES = 20_000
# SQLite nests at most 1000 terms.
MAX_TERMS = 200
_PREFIX, _NOT, _RESET = "__$", "__$not", "__$nop"
_OPERATORS = {"__$all": "AND", "__$and": "AND", "__$any": "OR", "__$or": "OR"}


@dataclass
class _Asked:
    """Parsed list filter. `join` is its first operator: AND or OR."""

    name: str
    join: str = ""
    one_of: list[str] = field(default_factory=list)
    all_of: list[str] = field(default_factory=list)
    none_of: list[str] = field(default_factory=list)
    empty: bool = False
    # State of the parser: values go to `all_of`; a leading minus excludes; the next value is excluded.
    _every: bool = False
    _minus: bool = True
    _negate: bool = False

    def read(self, values: Sequence[Any]) -> "_Asked":
        for value in values:
            _check_text(self.name, value)
            if value is None:
                self.empty, self._negate, self.join = True, False, self.join or "AND"
            elif value.startswith(_PREFIX):
                self._operator(value)
            else:
                self._value(value)
                self.join = self.join or "AND"
        if self._negate:
            raise errors.InvalidFields("Value is expected after", field=self.name, operator=_NOT)
        return self

    def _operator(self, operator: str) -> None:
        if operator == _RESET:
            self._every, self._minus, self._negate, self.join = False, True, False, self.join or "AND"
            return
        if self._negate:
            raise errors.InvalidFields("Value is expected after", field=self.name, operator=_NOT)
        if operator == _NOT:
            self._negate = True
            return
        if operator not in _OPERATORS:
            raise errors.InvalidFields("Unsupported operator", field=self.name, operator=operator[:100])
        self._every, self._minus = _OPERATORS[operator] == "AND", False
        self.join = self.join or _OPERATORS[operator]

    def _value(self, value: str) -> None:
        if self._minus and not self._negate and value.startswith("-"):
            if value == "-":
                raise errors.InvalidFields("Missing value after the exclude prefix -", field=self.name)
            self.none_of.append(value[1:])
        else:
            (self.none_of if self._negate else self.all_of if self._every else self.one_of).append(value)
        self._negate = False


def condition(name: str, values: Sequence[Any], field: Values) -> Condition:
    """Return SQL for a list of values, "-value" and operators.

    The parts are joined by the first operator. None also selects documents without a value.
    """
    _check_number(values)
    asked = _Asked(name).read(values)
    parts: list[Condition] = []
    if asked.one_of:
        parts.append(_one_of(field, asked.one_of))
    if asked.all_of:
        parts.append(_all_of(field, asked.all_of))
    if asked.none_of:
        parts.append(_negated(_one_of(field, asked.none_of)))
    found = joined(asked.join or "AND", parts)
    if not asked.empty:
        return found
    return joined("OR", [found, field.empty()] if parts else [field.empty()])


def combined(name: str, value: Any, field: Values) -> Condition:
    """Return SQL for `{"any": {"include": […], "exclude": […]}, "all": {…}, "op": "and"|"or"}`."""
    if not isinstance(value, dict):
        raise errors.ValidationError("invalid filter for field, dictionary expected", field=name, value=value)
    operator = value.get("op", "and")
    unknown = set(value) - {"any", "all", "op"}
    if unknown or operator not in ("and", "or"):
        raise errors.ValidationError(field=name, value=f"expected any, all and op (and, or), got {value}"[:200])
    parts = []
    for kind in ("any", "all"):
        include, exclude = _sides(name, value.get(kind))
        parts += [joined("OR" if kind == "any" else "AND", _side(kind, field, include, exclude))] * bool(
            include or exclude
        )
    return joined(operator.upper(), parts)


def joined(operator: str, parts: Sequence[Condition]) -> Condition:
    """Join conditions by `operator` (AND or OR). Without conditions the SQL is true."""
    sql = f" {operator} ".join(f"({part})" for part, _ in parts) or "1"
    return sql, [value for _, bound in parts for value in bound]


def _side(kind: str, field: Values, include: Sequence[Any], exclude: Sequence[Any]) -> list[Condition]:
    wanted, unwanted = ([value for value in values if value is not None] for values in (include, exclude))
    choose = _one_of if kind == "any" else _all_of
    refuse = _all_of if kind == "any" else _one_of
    parts = [choose(field, wanted)] if wanted else []
    parts += [field.empty()] if None in include else []
    parts += [_negated(refuse(field, unwanted))] if unwanted else []
    return parts + ([_negated(field.empty())] if None in exclude else [])


def _sides(name: str, value: Any) -> tuple[list[Any], list[Any]]:
    value = {} if value is None else value
    if not isinstance(value, Mapping) or set(value) - {"include", "exclude"}:
        raise errors.ValidationError(field=name, value=f"expected include and exclude, got {value}"[:200])
    sides = [value.get(side) or [] for side in ("include", "exclude")]
    for side in sides:
        if not isinstance(side, list):
            raise errors.ValidationError(field=name, value=f"expected a list, got {side}"[:200])
        _check_number(side)
        for item in side:
            _check_text(name, item)
    return sides[0], sides[1]


def _check_text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise errors.InvalidFields("invalid value type, string expected", field=name, value=str(value)[:100])


def _check_number(values: Sequence[Any]) -> None:
    if len(values) > MAX_VALUES:
        raise errors.InvalidFields("too many values in a list", found=len(values), limit=MAX_VALUES)


def _one_of(field: Values, values: Sequence[str]) -> Condition:
    # One bound JSON text instead of a variable for each value: SQLite limits the number of variables.
    return field.among(json.dumps(list(values)))


def _all_of(field: Values, values: Sequence[str]) -> Condition:
    if len(values) > MAX_TERMS:
        raise errors.InvalidFields("too many values that must all be there", found=len(values), limit=MAX_TERMS)
    return joined("AND", [_one_of(field, [value]) for value in sorted(set(values))])


def _negated(condition: Condition) -> Condition:
    # A document without a value is not excluded. In SQL, NOT NULL would be NULL and drop the document.
    return f"NOT ifnull({condition[0]}, 0)", condition[1]
