"""Turn checked rows into a model's columns. Training and prediction share this code."""

from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from clearml_flows.tabular.data.engineering import engineered_features


def prediction_rows(frame: Any, schema: dict[str, Any]) -> Any:
    """Return a model's input columns for checked rows: key (if any), numeric, categorical.

    Args:
        frame: rows from `rows_from_csv` or `read_rows`, with or without the target.
        schema: the result of `load_schema`.

    Returns:
        A DataFrame with the index of `frame`. Unknown categories stay as they are.
    """
    filled = fill_blanks(frame, schema)
    made = {name: values for name, (_, values) in engineered_features(filled, schema).items()}
    filled = filled.assign(**made)
    numeric, categorical = feature_roles(filled, schema)
    key = [schema["key"]] if schema["key"] else []
    return filled[[*key, *numeric, *categorical]]


def describe_features(rows: Any, columns: Any, schema: dict[str, Any]) -> tuple[list[str], list[str], Any]:
    """List the numeric and the categorical features, and a table of feature, kind and reason.

    Args:
        rows: the checked rows.
        columns: the `prediction_rows` of these rows.
        schema: the result of `load_schema`.
    """
    numeric, categorical = feature_roles(columns, schema)
    why = {name: told for name, (told, _) in engineered_features(fill_blanks(rows[:1], schema), schema).items()}
    kinds = dict.fromkeys(numeric, "number") | dict.fromkeys(categorical, "category")
    told = [(name, kind, why.get(name, "as it came")) for name, kind in kinds.items()]
    return numeric, categorical, pd.DataFrame(told, columns=["feature", "kind", "why"])


def fill_blanks(frame: Any, schema: dict[str, Any]) -> Any:
    """Fill columns that the schema lets be blank with 0.

    Example: a customer with no months of tenure has paid 0 in total.
    """
    optional = [column["name"] for column in schema["columns"] if column.get("blank_where")]
    return frame.fillna(dict.fromkeys(optional, 0))


def feature_roles(frame: Any, schema: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of numeric and categorical features: all columns but target and texts."""
    texts = {column["name"] for column in schema["columns"] if column["kind"] == "text"}
    features = [name for name in frame.columns if name not in texts | {schema["target"]}]
    numeric = [name for name in features if is_numeric_dtype(frame[name])]
    return numeric, [name for name in features if name not in numeric]
