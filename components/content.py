"""From columns of text to typed columns: numbers are converted by our rules, values are checked with pandera.

A finding is what `components.csv_text.problem` takes: column, rule, rows, count, sample. These functions travel with a
step; list all of them in its `helper_functions=[…]`.
"""

from typing import Any


def to_typed(text: Any, schema: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Converts a DataFrame of text, whose index is line numbers.

    Returns:
        A DataFrame of the same shape (numbers as float64, NaN where there is no number), and findings: blanks, decimal
        commas, words.
    """
    import pandas as pd

    typed, findings = pd.DataFrame(index=text.index), []
    for column in schema["columns"]:
        name = column["name"]
        if name not in text:
            continue
        values = text[name].str.strip()
        blank = values == ""
        where = column.get("blank_where")
        if where and where["column"] in text:
            blank &= text[where["column"]].str.strip() != where["equals"]
        broken = {"is blank": blank}
        if column["kind"] in ("integer", "number"):
            number = values.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:inf|infinity)")
            comma = values.str.fullmatch(r"[+-]?\d+,\d+")
            broken["has decimal commas: use points"] = comma
            broken["is not a number"] = ~number & ~comma & (values != "")
            values = pd.to_numeric(values.where(number), errors="coerce").astype("float64")
        typed[name] = values
        for rule, rows in broken.items():
            if rows.any():
                sample = text.loc[rows, name].iloc[0]
                findings.append((name, rule, text.index[rows], int(rows.sum()), repr(sample)))
    return typed, findings


def check_values(typed: Any, schema: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Checks a typed DataFrame with pandera: ranges, whole and finite numbers, known categories, a key without doubles.

    Returns:
        Findings, and notes on categories that are new but rare enough to be tolerated.
    """
    import pandera.pandas as pa

    findings, notes = [], []
    present = [column for column in schema["columns"] if column["name"] in typed]
    columns = {column["name"]: pandera_column(column, column["name"] == schema["key"]) for column in present}
    try:
        pa.DataFrameSchema(columns).validate(typed, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for (name, rule), cases in errors.failure_cases.groupby(["column", "check"], sort=False):
            cases = cases.dropna(subset=["index"]).sort_values("index")
            if rule == "field_uniqueness":
                if not schema["unique_key"]:
                    notes.append(f"{name} has {len(cases)} values that were there before")
                    continue
                rule = "is there twice"
            kind = next(column["kind"] for column in present if column["name"] == name)
            tolerated = kind == "category" and name != schema["target"]
            if tolerated and len(cases) <= schema["unseen_share"] * len(typed):
                new = sorted(set(cases["failure_case"].astype(str)))
                notes.append(f"{name} has {len(cases)} values that are new: {', '.join(map(repr, new))[:100]}")
                continue
            found = cases["failure_case"].iloc[0]
            sample = repr(found) if isinstance(found, str) else f"{found:g}"
            findings.append((name, rule, cases["index"], len(cases), sample))
    return findings, notes


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
    if "min" in column:
        checks.append(pa.Check.ge(column["min"], error=f"is below {column['min']}"))
    if "max" in column:
        checks.append(pa.Check.le(column["max"], error=f"is above {column['max']}"))
    return pa.Column(checks=checks, nullable=True, unique=is_key, report_duplicates="exclude_first")


def check_target(typed: Any, schema: dict[str, Any]) -> list[Any]:
    """Findings on the whole: too few rows, a target of one class or with classes too small to be learnt."""
    findings = []
    if len(typed) < schema["min_rows"]:
        findings.append(("", f"has {len(typed)} usable rows, fewer than {schema['min_rows']}", (), len(typed), ""))
    if schema["target"] not in typed or len(typed) == 0:
        return findings
    column = next(c for c in schema["columns"] if c["name"] == schema["target"])
    counts = typed[column["name"]].value_counts()
    if len(counts) < 2:
        rule = "has only one value: there is nothing to learn"
        findings.append((column["name"], rule, (), len(typed), repr(counts.idxmax())))
    elif column["kind"] == "category" and counts.min() < schema["min_class_rows"]:
        rule = f"has a class with fewer than {schema['min_class_rows']} rows"
        findings.append((column["name"], rule, (), int(counts.min()), repr(counts.idxmin())))
    return findings


def finish_types(typed: Any, schema: dict[str, Any]) -> Any:
    """The checked columns in the schema's order, whole numbers as int64, everything else as it is, rows from 0 on."""
    finished = typed[[column["name"] for column in schema["columns"]]].reset_index(drop=True)
    whole = [column["name"] for column in schema["columns"] if column["kind"] == "integer"]
    return finished.astype(dict.fromkeys(whole, "int64"))
