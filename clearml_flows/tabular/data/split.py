"""Features and the split into train and test rows. These functions travel with a step: list them in its
`helper_functions=[…]`."""

from typing import Any


def fill_blanks(frame: Any, schema: dict[str, Any]) -> Any:
    """The rows with 0 where the schema lets a number be blank: what a customer of no months has paid in all."""
    optional = [column["name"] for column in schema["columns"] if column.get("blank_where")]
    return frame.fillna(dict.fromkeys(optional, 0))


def feature_roles(frame: Any, schema: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the numeric and of the categorical features: all columns but key, target and other texts."""
    from pandas.api.types import is_numeric_dtype

    texts = {column["name"] for column in schema["columns"] if column["kind"] == "text"}
    features = [name for name in frame.columns if name not in texts | {schema["target"]}]
    numeric = [name for name in features if is_numeric_dtype(frame[name])]
    return numeric, [name for name in features if name not in numeric]


def problem_type_of(schema: dict[str, Any]) -> str:
    """`classification` where the schema's target is a category, `regression` where it is a number."""
    kind = next(column["kind"] for column in schema["columns"] if column["name"] == schema["target"])
    return "classification" if kind == "category" else "regression"


def split_rows(frame: Any, schema: dict[str, Any], test_size: float, seed: int) -> tuple[Any, Any]:
    """Train and test rows, drawn by the seed; where the target is a category, with equal shares of its classes."""
    from sklearn.model_selection import train_test_split

    strata = frame[schema["target"]] if problem_type_of(schema) == "classification" else None
    train, test = train_test_split(frame, test_size=test_size, random_state=seed, stratify=strata)
    return train, test
