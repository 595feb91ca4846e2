"""From columns of text to typed columns: numbers are converted by our rules, values are checked with pandera.

These functions travel with a step; list all of them in its `helper_functions=[…]`, with `problem`.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.data.problems import problem


def to_typed(text: Any, schema: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Converts a DataFrame of text, whose index is line numbers.

    Returns:
        A DataFrame of the same shape (numbers as float64, NaN where there is no number; texts without blanks around
        them), and items of the report: what is blank, not a number, or tolerated.
    """
    import pandas as pd

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
    """Texts as float64, NaN where there is no number; and, by rule, which ones break it. Blank ones break none."""
    import pandas as pd

    number = values.str.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)")
    comma = values.str.fullmatch(r"[+-]?[0-9]+,[0-9]+")
    broken = {"has decimal commas: use points": comma, "is not a number": ~number & ~comma & (values != "")}
    return pd.to_numeric(values.where(number), errors="coerce").astype("float64"), broken


def check_values(typed: Any, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Checks a typed DataFrame with pandera: ranges, whole and finite numbers, known categories, a key without doubles.

    Returns:
        Items of the report. Categories that are new but rare enough are tolerated; so is a key that comes again where
        the schema says so.
    """
    import pandera.pandas as pa

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
    """Whether a column may have values that the schema does not name: a category that is not the target."""
    return bool(column["kind"] == "category" and column["name"] != schema["target"])


def pandera_column(column: dict[str, Any], is_key: bool) -> Any:
    """The pandera column for a column of our schema; what is missing has been told before, so NaN passes."""
    import numpy as np
    import pandera.pandas as pa

    checks = []
    if column["kind"] == "category":
        # What is blank has been told before.
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
    """Items on the whole: too few rows, a target of one class or with classes too small to be learnt."""
    items = []
    if len(typed) < schema["min_rows"]:
        items.append(problem("", f"has {len(typed)} usable rows, fewer than {schema['min_rows']}", count=len(typed)))
    if schema["target"] not in typed or len(typed) == 0:
        return items
    column = next(c for c in schema["columns"] if c["name"] == schema["target"])
    counts = typed[column["name"]].value_counts()
    if column["kind"] == "category":
        # Other values have been told before.
        counts = counts[counts.index.isin(column["values"])]
    if len(counts) == 1:
        rule, sample = "has only one value: there is nothing to learn", repr(counts.index[0])
        items.append(problem(column["name"], rule, count=len(typed), sample=sample))
    elif column["kind"] == "category" and len(counts) and counts.min() < schema["min_class_rows"]:
        rule, sample = f"has a class with fewer than {schema['min_class_rows']} rows", repr(counts.idxmin())
        items.append(problem(column["name"], rule, count=int(counts.min()), sample=sample))
    return items


def finish_types(typed: Any, schema: dict[str, Any]) -> Any:
    """The checked columns in the schema's order, whole numbers as int64, everything else as it is, rows from 0 on."""
    finished = typed[[column["name"] for column in schema["columns"]]].reset_index(drop=True)
    whole = [column["name"] for column in schema["columns"] if column["kind"] == "integer"]
    return finished.astype(dict.fromkeys(whole, "int64"))
