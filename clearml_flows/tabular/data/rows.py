"""Turn CSV bytes into checked rows. Training and prediction share this code."""

import io
from typing import Any

import pandas as pd

from clearml_flows.tabular.data.columns import check_target, check_values, finish_types, to_typed
from clearml_flows.tabular.data.cross_checks import check_rows
from clearml_flows.tabular.data.csv_bytes import check_bytes
from clearml_flows.tabular.data.csv_text import csv_chunks


def rows_from_csv(
    data: bytes, schema: dict[str, Any], need_target: bool = True
) -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """Check a raw CSV (bytes, then shape, then content) and return its typed rows.

    Args:
        data: the file's bytes.
        schema: the result of `load_schema`.
        need_target: False for rows to predict, see `prediction_schema`.

    Returns:
        A DataFrame with the schema's columns and an index from 0, empty if there are problems; the
        problems; and warnings and tolerated items. `tabular/data/problems.py` describes the items.
    """
    whole = read_rows(io.BytesIO(data), schema if need_target else prediction_schema(schema))
    frame, problems, notes = next(iter(whole))
    return frame, problems, notes


def read_rows(file: Any, schema: dict[str, Any], most_rows: int = 0) -> Any:
    """Check a raw CSV and yield the three results of `rows_from_csv` for each chunk of rows.

    The bytes of the whole file are checked before the first chunk, shape and content within each chunk.
    Checks over all rows (repeated keys, too few rows) see one chunk only. Use `prediction_schema` with chunks.

    Args:
        file: open for reading in binary, and seekable.
        schema: the result of `load_schema` or `prediction_schema`.
        most_rows: the maximum rows of a chunk; 0: all rows are one chunk.
    """
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
            # A later chunk without rows only reports the end of the file.
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
    """Return columns of text as a DataFrame indexed by line number, and its report items."""
    typed, items = to_typed(pd.DataFrame(columns, index=lines, dtype=str), schema)
    return typed, [
        *items,
        *check_values(typed, schema),
        *check_target(typed, schema),
        *check_rows(typed, schema),
    ]


def prediction_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema for rows to predict, which needs no target.

    It accepts any number of rows, any share of new categories, and repeated keys.
    """
    columns = [column for column in schema["columns"] if column["name"] != schema["target"]]
    loose = {"target": "", "min_rows": 1, "unseen_share": 1.0, "unique_key": False}
    return {**schema, **loose, "columns": columns}
