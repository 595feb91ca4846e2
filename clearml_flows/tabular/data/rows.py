"""From a CSV's bytes to checked rows, and from checked rows to a model's columns: one way for training and prediction.

These functions travel with a step: list those used in its `helper_functions=[…]`, with all of problems, csv_bytes,
csv_text, content and cross_checks.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.data.columns import check_target, check_values, finish_types, to_typed
    from clearml_flows.tabular.data.cross_checks import check_rows
    from clearml_flows.tabular.data.csv_bytes import check_bytes
    from clearml_flows.tabular.data.csv_text import csv_chunks
    from clearml_flows.tabular.data.engineering import engineered_features
    from clearml_flows.tabular.data.split import feature_roles, fill_blanks


def rows_from_csv(
    data: bytes, schema: dict[str, Any], need_target: bool = True
) -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """Checks a raw CSV (bytes, then shape, then content) and gives its rows typed.

    Args:
        data: the file's bytes.
        schema: what `load_schema` returns.
        need_target: False for rows to be predicted, see `prediction_schema`.

    Returns:
        A DataFrame with the schema's columns and rows from 0 on, empty if there are problems; the problems; and
        warnings and what was tolerated. See `tabular/data/problems.py` for what these are and how to tell them.
    """
    import io

    whole = read_rows(io.BytesIO(data), schema if need_target else prediction_schema(schema))
    frame, problems, notes = next(iter(whole))
    return frame, problems, notes


def read_rows(file: Any, schema: dict[str, Any], most_rows: int = 0) -> Any:
    """Checks a raw CSV as `rows_from_csv` does, and yields the same three, some rows at a time.

    The bytes of the whole file are checked before the first rows; their shape and content only when they come. What
    needs all rows (a key that is there twice, too few rows) is looked at within each chunk: so use `prediction_schema`.

    Args:
        file: open for reading in binary, and able to seek.
        schema: what `load_schema` or `prediction_schema` returns.
        most_rows: of a chunk; 0: all rows are one chunk.
    """
    import io

    import pandas as pd

    problems, notes = check_bytes(file)
    if problems:
        yield pd.DataFrame(), problems, notes
        return
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        chunks = csv_chunks(text, [column["name"] for column in schema["columns"]], most_rows)
        for number, (columns, lines, odd, tolerated) in enumerate(chunks):
            frame, items = pd.DataFrame(), notes + odd + tolerated
            # A further chunk without rows only tells what comes after the last one.
            if columns and (lines or number == 0):
                frame, found = type_rows(columns, lines, schema)
                items = items + found
            problems = [item for item in items if item["level"] == "problem"]
            notes = [item for item in items if item["level"] != "problem"]
            yield finish_types(frame, schema) if not problems and lines else pd.DataFrame(), problems, notes
            notes = []
    finally:
        text.detach()


def type_rows(columns: dict[str, list[str]], lines: list[int], schema: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Columns of text as a typed DataFrame whose index is line numbers, and items of the report on their content."""
    import pandas as pd

    typed, items = to_typed(pd.DataFrame(columns, index=lines, dtype=str), schema)
    return typed, [
        *items,
        *check_values(typed, schema),
        *check_target(typed, schema),
        *check_rows(typed, schema),
    ]


def prediction_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of rows to be predicted: the target is neither needed nor used; any number of rows will do, any share
    of new categories, and a key that is there again."""
    columns = [column for column in schema["columns"] if column["name"] != schema["target"]]
    loose = {"target": "", "min_rows": 1, "unseen_share": 1.0, "unique_key": False}
    return {**schema, **loose, "columns": columns}


def prediction_rows(frame: Any, schema: dict[str, Any]) -> Any:
    """The columns that a model is given for checked rows: key (if any), numeric, categorical; row by row, in order.

    Args:
        frame: rows as `rows_from_csv` or `read_rows` gives them, with or without the target.
        schema: what `load_schema` returns.

    Returns:
        A DataFrame with the index of `frame`. Categories that no model has seen stay as they are.
    """
    filled = fill_blanks(frame, schema)
    made = {name: values for name, (_, values) in engineered_features(filled, schema).items()}
    filled = filled.assign(**made)
    numeric, categorical = feature_roles(filled, schema)
    key = [schema["key"]] if schema["key"] else []
    return filled[[*key, *numeric, *categorical]]


def describe_features(rows: Any, columns: Any, schema: dict[str, Any]) -> tuple[list[str], list[str], Any]:
    """The features of checked rows: the numeric ones, the categorical ones, and a table of feature, kind and why.

    Args:
        rows: the checked rows.
        columns: the `prediction_rows` of these.
        schema: what `load_schema` returns.
    """
    import pandas as pd

    numeric, categorical = feature_roles(columns, schema)
    why = {name: told for name, (told, _) in engineered_features(fill_blanks(rows[:1], schema), schema).items()}
    kinds = dict.fromkeys(numeric, "number") | dict.fromkeys(categorical, "category")
    told = [(name, kind, why.get(name, "as it came")) for name, kind in kinds.items()]
    return numeric, categorical, pd.DataFrame(told, columns=["feature", "kind", "why"])
