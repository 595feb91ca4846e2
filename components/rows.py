"""From a CSV's bytes to checked rows, and from checked rows to a model's columns: one way for training and prediction.

These functions travel with a step: list those used in its `helper_functions=[…]`, with all of csv_text and content.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from components.content import check_target, check_values, finish_types, to_typed
    from components.csv_text import decode_csv, problem, read_columns
    from components.engineering import engineered_features
    from components.split import feature_roles, fill_blanks


def rows_from_csv(
    data: bytes, schema: dict[str, Any], need_target: bool = True
) -> tuple[Any, list[dict[str, Any]], list[str]]:
    """Checks a raw CSV (bytes, then shape, then content) and gives its rows typed.

    Args:
        data: the file's bytes.
        schema: what `load_schema` returns.
        need_target: False for rows to be predicted: the target is neither needed nor used, any number of rows and any
            share of new categories will do.

    Returns:
        A DataFrame with the schema's columns (without the target if that is not needed) and rows from 0 on, empty if
        there are problems; the problems, see `components.csv_text.problem` and `describe_problems`; and notes on what
        was tolerated, a sentence each.
    """
    import pandas as pd

    expected = schema if need_target else prediction_schema(schema)
    text, problems, notes = decode_csv(data)
    if problems:
        return pd.DataFrame(), problems, notes
    columns, lines, problems, more = read_columns(text, [column["name"] for column in expected["columns"]])
    notes += more
    if not columns:
        return pd.DataFrame(), problems, notes
    typed, words = to_typed(pd.DataFrame(columns, index=lines, dtype=str), expected)
    values, more = check_values(typed, expected)
    problems += [problem(*finding) for finding in [*words, *values, *check_target(typed, expected)]]
    return pd.DataFrame() if problems else finish_types(typed, expected), problems, notes + more


def prediction_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of rows to be predicted: no target, no least number of rows, new categories and repeated keys told."""
    columns = [column for column in schema["columns"] if column["name"] != schema["target"]]
    loose = {"target": "", "min_rows": 1, "unseen_share": 1.0, "unique_key": False}
    return {**schema, **loose, "columns": columns}


def prediction_rows(frame: Any, schema: dict[str, Any]) -> Any:
    """The columns that a model is given for checked rows: key (if any), numeric, categorical; row by row, in order.

    Args:
        frame: rows as `rows_from_csv` gives them, with or without the target.
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
