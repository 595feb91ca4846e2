"""Warn about contradicting columns, repeated rows and constant columns.

These are warnings, not problems: such rows can be true. They are often the first sign of a broken feed.
"""

from typing import Any

from clearml_flows.tabular.data.problems import problem


def check_rows(typed: Any, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return warnings for the schema's `plausible` rules, repeated rows and constant columns.

    `typed` is a typed DataFrame whose index is line numbers. Only the `plausible` rules apply
    without a target or with fewer than `min_rows` rows.
    """
    checks = {"together": check_together, "product": check_product, "some": check_some}
    found = []
    for rule in schema["plausible"]:
        found += [item for item in [checks[rule["check"]](typed, rule)] if item]
    if not schema["target"] or len(typed) < schema["min_rows"]:
        return found
    if not schema["key"]:
        again = typed.index[typed.duplicated()]
        found += [problem("", "has rows that repeat an earlier one", again, level="warning")] if len(again) else []
    for name in typed.columns:
        if typed[name].nunique(dropna=False) == 1 and name != schema["target"]:
            sample = repr(typed[name].iloc[0])
            found.append(problem(name, "has one value in all rows", count=len(typed), sample=sample, level="warning"))
    return found


def check_together(typed: Any, rule: dict[str, Any]) -> dict[str, Any] | None:
    """Warn if `column` is `value` but `other` is not `other_value`, or the reverse."""
    column, other = rule["column"], rule["other"]
    if column not in typed or other not in typed:
        return None
    differ = (typed[column] == rule["value"]) != (typed[other] == rule["other_value"])
    rows = typed.index[differ]
    if not len(rows):
        return None
    sample = f"{typed.loc[rows[0], column]!r} with {typed.loc[rows[0], other]!r}"
    return problem(column, f"contradicts {other}", rows[:5], len(rows), sample, "warning")


def check_product(typed: Any, rule: dict[str, Any]) -> dict[str, Any] | None:
    """Warn if `column` is not close to the product of `factors`.

    The range is `low` to `high` times the product, extended by `slack` on both sides.
    """
    if not {rule["column"], *rule["factors"]} <= set(typed):
        return None
    expected = typed[rule["factors"]].prod(axis=1, skipna=False)
    values = typed[rule["column"]]
    odd = (values < expected * rule["low"] - rule["slack"]) | (values > expected * rule["high"] + rule["slack"])
    rows = typed.index[odd]
    if not len(rows):
        return None
    told = f"is implausible for {' * '.join(rule['factors'])}"
    sample = f"{values[rows[0]]:g} where {expected[rows[0]]:g} is expected"
    return problem(rule["column"], told, rows[:5], len(rows), sample, "warning")


def check_some(typed: Any, rule: dict[str, Any]) -> dict[str, Any] | None:
    """Warn about rows in which every column of the rule's `columns` has its listed value."""
    if not set(rule["columns"]) <= set(typed):
        return None
    rows = typed.index[(typed[list(rule["columns"])] == rule["columns"]).all(axis=1)]
    if not len(rows):
        return None
    told = f"has rows with {' and '.join(f'{name} {value!r}' for name, value in rule['columns'].items())}"
    return problem("", told, rows[:5], len(rows), level="warning")
