"""The one way from a CSV to a model's columns, with and without the target."""

from pathlib import Path

import pandas as pd
import pytest

from components.rows import prediction_rows, rows_from_csv
from components.schema import load_schema
from components.synthetic import synthetic_customers

TELCO = load_schema((Path(__file__).parents[2] / "flows" / "schemas" / "telco.json").read_text("utf-8"))
NAMES = [column["name"] for column in TELCO["columns"]]


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    frame: pd.DataFrame = synthetic_customers(300, 1)
    return frame


def test_the_target_is_needed_for_training_and_never_used_for_prediction(customers: pd.DataFrame) -> None:
    without = customers.drop(columns="Churn")
    trained, problems, _ = rows_from_csv(as_csv(without), TELCO)
    assert trained.empty
    assert [(item["column"], item["rule"]) for item in problems] == [("Churn", "is missing")]
    frame, problems, notes = rows_from_csv(as_csv(without), TELCO, need_target=False)
    assert (list(frame), len(frame), problems, notes) == (NAMES[:-1], 300, [], [])
    labelled, problems, notes = rows_from_csv(as_csv(customers.assign(Churn="?")), TELCO, need_target=False)
    assert (problems, notes) == ([], ["columns that are not used: 'Churn'"])
    pd.testing.assert_frame_equal(labelled, frame)


def test_few_rows_new_categories_and_repeated_keys_are_predicted_and_said(customers: pd.DataFrame) -> None:
    few = customers.iloc[[0, 1, 1]].assign(PaymentMethod="Barter")
    frame, problems, notes = rows_from_csv(as_csv(few), TELCO, need_target=False)
    assert (len(frame), problems) == (3, [])
    assert "PaymentMethod has 3 values that are new: 'Barter'" in notes
    assert "customerID has 1 values that were there before" in notes
    assert set(prediction_rows(frame, TELCO)["PaymentMethod"]) == {"Barter"}


@pytest.mark.parametrize(("column", "value"), [("MonthlyCharges", "abc"), ("tenure", "-1"), ("customerID", " ")])
def test_what_is_wrong_is_wrong_for_prediction_too(customers: pd.DataFrame, column: str, value: str) -> None:
    frame, problems, _ = rows_from_csv(as_csv(customers.astype(str).assign(**{column: value})), TELCO, False)
    assert frame.empty
    assert (column, 300) in [(item["column"], item["count"]) for item in problems]


def test_a_header_alone_has_nothing_to_predict(customers: pd.DataFrame) -> None:
    _, problems, _ = rows_from_csv(as_csv(customers[:0]), TELCO, False)
    assert [item["rule"] for item in problems] == ["has 0 usable rows, fewer than 1"]


def test_training_and_prediction_see_the_same_columns(customers: pd.DataFrame) -> None:
    trained = prediction_rows(rows_from_csv(as_csv(customers), TELCO)[0], TELCO)
    predicted = prediction_rows(rows_from_csv(as_csv(customers[40:43].drop(columns="Churn")), TELCO, False)[0], TELCO)
    assert "Churn" not in trained
    assert trained.columns[0] == "customerID"
    pd.testing.assert_frame_equal(trained[40:43].reset_index(drop=True), predicted)
