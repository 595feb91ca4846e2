"""Split rows into train and test."""

from typing import Any

from sklearn.model_selection import train_test_split

from clearml_flows.tabular.data.table_schema import problem_type_of


def split_rows(frame: Any, schema: dict[str, Any], test_size: float, seed: int) -> tuple[Any, Any]:
    """Split rows at random into train and test, stratified by class if the target is a category."""
    strata = frame[schema["target"]] if problem_type_of(schema) == "classification" else None
    train, test = train_test_split(frame, test_size=test_size, random_state=seed, stratify=strata)
    return train, test
