"""What values can be wrong with, and what of it is told."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clearml_flows.tabular.data.columns import check_target, check_values, finish_types, to_typed
from clearml_flows.tabular.data.csv_text import csv_chunks
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema

TELCO = load_schema((Path(__file__).parents[3] / "flows" / "schemas" / "churn.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def sound() -> pd.DataFrame:
    """Customers as text, by line number."""
    customers: pd.DataFrame = synthetic_customers(300, 1).astype(str)
    return customers.set_axis(range(2, 302))


def examine(
    text: pd.DataFrame, schema: dict[str, Any] = TELCO
) -> tuple[list[tuple[str, str, int, list[int]]], list[tuple[str, str, int]]]:
    """Column, rule, count and rows of each problem; column, rule and count of what was tolerated."""
    typed, items = to_typed(text, schema)
    items = [*items, *check_values(typed, schema), *check_target(typed, schema)]
    return [
        (item["column"], item["rule"], item["count"], item["rows"]) for item in items if item["level"] == "problem"
    ], [(item["column"], item["rule"], item["count"]) for item in items if item["level"] == "tolerated"]


def put(text: pd.DataFrame, column: str, *values: str) -> pd.DataFrame:
    """The customers with these values in the first rows of a column."""
    changed = text.copy()
    changed.loc[changed.index[: len(values)], column] = list(values)
    return changed


def test_sound_customers_pass_and_get_types(sound: pd.DataFrame) -> None:
    blank = int((sound["tenure"] == "0").sum())
    assert examine(sound) == ([], [("TotalCharges", "is blank where tenure is 0", blank)])
    typed = finish_types(to_typed(sound, TELCO)[0], TELCO)
    assert list(typed) == [column["name"] for column in TELCO["columns"]]
    assert {str(typed[name].dtype) for name in ("tenure", "SeniorCitizen")} == {"int64"}
    assert {str(typed[name].dtype) for name in ("MonthlyCharges", "TotalCharges")} == {"float64"}
    assert typed["TotalCharges"].isna().equals(typed["tenure"] == 0)
    assert typed.index[0] == 0


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("MonthlyCharges", "29,85", "has decimal commas: use points"),
        ("MonthlyCharges", "1,029.85", "is not a number"),
        ("MonthlyCharges", "nan", "is not a number"),
        ("MonthlyCharges", "0x1A", "is not a number"),
        ("MonthlyCharges", "1_0", "is not a number"),
        ("MonthlyCharges", "NA", "is not a number"),
        ("MonthlyCharges", "None", "is not a number"),
        ("MonthlyCharges", "$29.85", "is not a number"),
        ("MonthlyCharges", "１２", "is not a number"),  # noqa: RUF001 - digits that are not ASCII are what it is about
        ("MonthlyCharges", "\N{MINUS SIGN}5", "is not a number"),
        ("MonthlyCharges", "29.85.1", "is not a number"),
        ("MonthlyCharges", "", "is blank"),
        ("MonthlyCharges", "-5", "is below 0"),
        ("MonthlyCharges", "Infinity", "is infinite"),
        ("MonthlyCharges", "1e999", "is infinite"),
        ("tenure", "1.5", "is no whole number"),
        ("tenure", "1e300", "is too large"),
        ("tenure", "-1", "is below 0"),
        ("SeniorCitizen", "2", "is above 1"),
        ("Churn", "", "is blank"),
        ("Churn", "Maybe", "is none of No, Yes"),
        ("customerID", "  ", "is blank"),
    ],
)
def test_a_wrong_value_is_told_with_its_row(sound: pd.DataFrame, column: str, value: str, rule: str) -> None:
    problems, _ = examine(put(sound, column, *sound[column].iloc[:2], value))
    assert (column, rule, 1, [4]) in problems


def test_a_sample_is_told_as_it_stands(sound: pd.DataFrame) -> None:
    typed, _ = to_typed(put(put(sound, "tenure", "1.5"), "Churn", "Maybe"), TELCO)
    assert [item["sample"] for item in check_values(typed, TELCO)] == ["1.5", "'Maybe'"]


def test_blank_total_charges_are_wrong_where_the_customer_has_stayed(sound: pd.DataFrame) -> None:
    stayed = put(put(sound, "tenure", "0", "3", "7"), "TotalCharges", " ", "", " ")
    assert examine(stayed)[0] == [("TotalCharges", "is blank", 2, [3, 4])]


def test_a_key_that_is_there_twice(sound: pd.DataFrame) -> None:
    first = sound["customerID"].iloc[0]
    assert examine(put(sound, "customerID", first, first, first))[0] == [("customerID", "is there twice", 2, [3, 4])]


def test_blanks_around_values_are_taken_off_and_said(sound: pd.DataFrame) -> None:
    padded = put(sound, "gender", " Male", "Female\N{NO-BREAK SPACE}")
    problems, tolerated = examine(padded)
    assert problems == []
    assert ("gender", "has blanks around values", 2) in tolerated
    assert set(to_typed(padded, TELCO)[0]["gender"]) == {"Female", "Male"}


def test_new_categories_are_tolerated_while_they_are_rare(sound: pd.DataFrame) -> None:
    few = put(sound, "PaymentMethod", "None", "NA", "Barter")
    problems, tolerated = examine(few)
    assert problems == []
    assert ("PaymentMethod", "has new values: 'Barter', 'NA', 'None'", 3) in tolerated
    assert set(finish_types(to_typed(few, TELCO)[0], TELCO)["PaymentMethod"].iloc[:2]) == {"None", "NA"}
    problems, notes = examine(put(few, "PaymentMethod", *["Barter"] * 4))
    assert (problems[0][0], problems[0][2]) == ("PaymentMethod", 4)
    assert "PaymentMethod" not in {column for column, *_ in notes}


def test_too_few_rows_one_class_and_a_rare_class(sound: pd.DataFrame) -> None:
    stay = sound[sound["Churn"] == "No"]
    assert examine(stay)[0] == [("Churn", "has only one value: there is nothing to learn", len(stay), [])]
    assert examine(put(stay, "Churn", "Yes", "Yes"))[0] == [("Churn", "has a class with fewer than 10 rows", 2, [])]
    assert examine(sound.iloc[:99])[0][-1] == ("", "has 99 usable rows, fewer than 100", 99, [])


def test_all_problems_are_told_at_once(sound: pd.DataFrame) -> None:
    bad = put(put(sound, "tenure", "-1", "x"), "Churn", *["?"] * 300).drop(columns="gender")
    assert [(column, count, rows) for column, _, count, rows in examine(bad)[0]] == [
        ("tenure", 1, [3]),
        ("tenure", 1, [2]),
        ("Churn", 300, [2, 3, 4, 5, 6]),
    ]


def test_the_real_files_are_sound(data_folder: Path) -> None:
    columns = [
        {"name": "pH", "kind": "number", "min": 0},
        {"name": "quality", "kind": "integer", "min": 0, "max": 10},
    ]
    wine = load_schema(json.dumps({"name": "wine", "target": "quality", "columns": columns}))
    for schema, name, rows in [
        (TELCO, "WA_Fn-UseC_-Telco-Customer-Churn.csv", 7043),
        (wine, "winequality-red.csv", 1599),
    ]:
        text = (data_folder / name).read_text("utf-8")
        names = [column["name"] for column in schema["columns"]]
        ((found, lines, problems, _),) = csv_chunks(io.StringIO(text, newline=""), names)
        assert problems == []
        frame = pd.DataFrame(found, index=lines, dtype=str)
        assert examine(frame, schema)[0] == []
        assert len(finish_types(to_typed(frame, schema)[0], schema)) == rows
