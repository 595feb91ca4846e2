"""Features, and the split into train and test rows.

Steps embed these functions (see `tabular/helpers.py`).
"""

from typing import Any


def fill_blanks(frame: Any, schema: dict[str, Any]) -> Any:
    """Fill columns that the schema lets be blank with 0.

    Example: a customer with no months of tenure has paid 0 in total.
    """
    optional = [column["name"] for column in schema["columns"] if column.get("blank_where")]
    return frame.fillna(dict.fromkeys(optional, 0))


def feature_roles(frame: Any, schema: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of numeric and categorical features: all columns but target and texts."""
    from pandas.api.types import is_numeric_dtype

    texts = {column["name"] for column in schema["columns"] if column["kind"] == "text"}
    features = [name for name in frame.columns if name not in texts | {schema["target"]}]
    numeric = [name for name in features if is_numeric_dtype(frame[name])]
    return numeric, [name for name in features if name not in numeric]


def problem_type_of(schema: dict[str, Any]) -> str:
    """Return `classification` if the schema's target is a category, `regression` if a number."""
    kind = next(column["kind"] for column in schema["columns"] if column["name"] == schema["target"])
    return "classification" if kind == "category" else "regression"


def split_rows(frame: Any, schema: dict[str, Any], test_size: float, seed: int) -> tuple[Any, Any]:
    """Split rows at random into train and test, stratified by class if the target is a category."""
    from sklearn.model_selection import train_test_split

    strata = frame[schema["target"]] if problem_type_of(schema) == "classification" else None
    train, test = train_test_split(frame, test_size=test_size, random_state=seed, stratify=strata)
    return train, test
