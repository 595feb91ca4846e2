"""Convert columns of text to typed columns and check their values with pandera."""

from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from clearml_flows.tabular.data.problems import problem


def to_typed(text: Any, schema: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Convert a DataFrame of text, whose index is line numbers, to typed columns.

    Returns:
        A DataFrame of the same shape, and report items for blank, non-numeric and tolerated values.
        Numbers become float64, with NaN for invalid text. Texts lose their surrounding blanks.
    """
    typed, items = pd.DataFrame(index=text.index), []
    for column in schema["columns"]:
        name = column["name"]
        if name not in text:
            continue
        values = text[name].str.strip()
        blank = values == ""
        found = {"has blanks around values": ("tolerated", (values != text[name]) & ~blank)}
        where = column.get("blank_where")
        if where and where["column"] in text:
            others = text[where["column"]].str.strip()
            may = (others == where["equals"]) | (pd.to_numeric(others, errors="coerce") == float(where["equals"]))
            found[f"is blank where {where['column']} is {where['equals']}"] = ("tolerated", blank & may)
            blank &= ~may
        found["is blank"] = ("problem", blank)
        if column["kind"] in ("integer", "number"):
            values, broken = to_numbers(values)
            found |= {rule: ("problem", rows) for rule, rows in broken.items()}
        typed[name] = values
        for rule, (level, rows) in found.items():
            if rows.any():
                sample = repr(text.loc[rows, name].iloc[0])
                items.append(problem(name, rule, text.index[rows][:5], int(rows.sum()), sample, level))
    return typed, items


def to_numbers(values: Any) -> tuple[Any, dict[str, Any]]:
    """Convert texts to float64 and return a mask of the rows that break each rule.

    Texts that are not numbers become NaN. Blank texts break no rule.
    """
    number = values.str.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)")
    comma = values.str.fullmatch(r"[+-]?[0-9]+,[0-9]+")
    broken = {"has decimal commas: use points": comma, "is not a number": ~number & ~comma & (values != "")}
    return pd.to_numeric(values.where(number), errors="coerce").astype("float64"), broken


def check_values(typed: Any, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Check ranges, whole and finite numbers, known categories and unique keys with pandera.

    Returns:
        Report items. A new category is tolerated up to the schema's `unseen_share` of the rows.
        A repeated key is tolerated if the schema's `unique_key` is false.
    """
    items = []
    present = {column["name"]: column for column in schema["columns"] if column["name"] in typed}
    columns = {name: pandera_column(column, name == schema["key"]) for name, column in present.items()}
    try:
        pa.DataFrameSchema(columns).validate(typed, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for (name, rule), cases in errors.failure_cases.groupby(["column", "check"], sort=False):
            cases = cases.dropna(subset=["index"]).sort_values("index")
            if rule == "field_uniqueness":
                cases = cases[cases["failure_case"] != ""]
            if cases.empty:
                continue
            found, level = cases["failure_case"].iloc[0], "problem"
            if rule == "field_uniqueness":
                rule, level = "is there twice", "problem" if schema["unique_key"] else "tolerated"
            elif may_be_new(present[name], schema) and len(cases) <= schema["unseen_share"] * len(typed):
                new = ", ".join(map(repr, sorted(set(cases["failure_case"].astype(str)))))
                rule, level = f"has new values: {new[:100]}", "tolerated"
            sample = repr(found) if isinstance(found, str) else f"{found:g}"
            items.append(problem(name, rule, cases["index"][:5], len(cases), sample, level))
    return items


def may_be_new(column: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Return True for a category column that is not the target: its new values can be tolerated."""
    return bool(column["kind"] == "category" and column["name"] != schema["target"])


def pandera_column(column: dict[str, Any], is_key: bool) -> Any:
    """Build the pandera column for a column of our schema.

    NaN passes: `to_typed` has already reported missing values.
    """
    checks = []
    if column["kind"] == "category":
        # `to_typed` has already reported blank values.
        allowed = [*column["values"], ""]
        checks.append(pa.Check.isin(allowed, error=f"is none of {', '.join(column['values'])}"[:150]))
    if column["kind"] in ("integer", "number"):
        checks.append(pa.Check(np.isfinite, error="is infinite"))
    if column["kind"] == "integer":
        checks.append(pa.Check(lambda values: ~np.isfinite(values) | (values % 1 == 0), error="is no whole number"))
        exact = 2**53
        checks.append(pa.Check(lambda values: ~np.isfinite(values) | (abs(values) <= exact), error="is too large"))
    if "min" in column:
        checks.append(pa.Check.ge(column["min"], error=f"is below {column['min']}"))
    if "max" in column:
        checks.append(pa.Check.le(column["max"], error=f"is above {column['max']}"))
    return pa.Column(checks=checks, nullable=True, unique=is_key, report_duplicates="exclude_first")


def check_target(typed: Any, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Report too few rows, a target with one value, and target classes that are too small."""
    items = []
    if len(typed) < schema["min_rows"]:
        items.append(problem("", f"has {len(typed)} usable rows, fewer than {schema['min_rows']}", count=len(typed)))
    if schema["target"] not in typed or len(typed) == 0:
        return items
    column = next(c for c in schema["columns"] if c["name"] == schema["target"])
    counts = typed[column["name"]].value_counts()
    if column["kind"] == "category":
        # `check_values` has already reported other values.
        counts = counts[counts.index.isin(column["values"])]
    if len(counts) == 1:
        rule, sample = "has only one value: there is nothing to learn", repr(counts.index[0])
        items.append(problem(column["name"], rule, count=len(typed), sample=sample))
    elif column["kind"] == "category" and len(counts) and counts.min() < schema["min_class_rows"]:
        rule, sample = f"has a class with fewer than {schema['min_class_rows']} rows", repr(counts.idxmin())
        items.append(problem(column["name"], rule, count=int(counts.min()), sample=sample))
    return items


def finish_types(typed: Any, schema: dict[str, Any]) -> Any:
    """Return the checked columns in schema order, with integers as int64 and a new index from 0."""
    finished = typed[[column["name"] for column in schema["columns"]]].reset_index(drop=True)
    whole = [column["name"] for column in schema["columns"] if column["kind"] == "integer"]
    return finished.astype(dict.fromkeys(whole, "int64"))
