"""Rows that contradict themselves are warned of."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clearml_flows.tabular.data.columns import to_typed
from clearml_flows.tabular.data.cross_checks import check_rows
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema

TELCO = load_schema((Path(__file__).parents[3] / "flows" / "schemas" / "churn.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def sound() -> Any:
    text = synthetic_customers(300, 1).astype(str).set_axis(range(2, 302))
    return to_typed(text, TELCO)[0]


def warnings(frame: pd.DataFrame) -> list[tuple[str, str, int, list[int]]]:
    items = check_rows(frame, TELCO)
    assert {item["level"] for item in items} <= {"warning"}
    return [(item["column"], item["rule"], item["count"], item["rows"]) for item in items]


def test_sound_customers_are_plausible(sound: pd.DataFrame) -> None:
    assert check_rows(sound, TELCO) == []


def test_total_charges_must_fit_months_and_price(sound: pd.DataFrame) -> None:
    stayed = sound[sound["tenure"] > 10]
    rows = stayed.index[:7]
    odd = sound.copy()
    odd.loc[rows, "TotalCharges"] *= 100
    told = ("TotalCharges", "is implausible for tenure * MonthlyCharges", 7, list(rows[:5]))
    assert warnings(odd) == [told]
    odd.loc[rows, "TotalCharges"] /= 10_000
    assert warnings(odd) == [told]


@pytest.mark.parametrize(
    ("column", "of", "value"),
    [
        ("MultipleLines", "PhoneService", "No phone service"),
        ("OnlineSecurity", "InternetService", "No internet service"),
        ("StreamingTV", "InternetService", "No internet service"),
    ],
)
def test_services_must_agree(sound: pd.DataFrame, column: str, of: str, value: str) -> None:
    with_it, without = sound.index[sound[of] != "No"][:2], sound.index[sound[of] == "No"][:1]
    odd = sound.copy()
    odd.loc[with_it, column] = value
    odd.loc[without, column] = "Yes"
    rows = sorted([*with_it, *without])
    assert warnings(odd) == [(column, f"contradicts {of}", 3, rows)]


def test_a_customer_has_some_service(sound: pd.DataFrame) -> None:
    odd = sound.copy()
    row = odd.index[odd["InternetService"] == "No"][0]
    odd.loc[row, ["PhoneService", "MultipleLines"]] = ["No", "No phone service"]
    assert warnings(odd) == [("", "has rows with PhoneService 'No' and InternetService 'No'", 1, [row])]


def test_a_column_that_says_nothing(sound: pd.DataFrame) -> None:
    assert warnings(sound.assign(gender="Male")) == [("gender", "has one value in all rows", 300, [])]


def test_rows_that_repeat_are_told_where_no_key_tells_them_apart() -> None:
    columns = [{"name": "pH", "kind": "number"}, {"name": "quality", "kind": "integer"}]
    wine = load_schema(f'{{"target": "quality", "min_rows": 3, "columns": {columns}}}'.replace("'", '"'))
    frame = pd.DataFrame({"pH": [3.1, 3.2, 3.1], "quality": [5.0, 6.0, 5.0]}, index=[2, 3, 4])
    assert [(item["rule"], item["rows"]) for item in check_rows(frame, wine)] == [
        ("has rows that repeat an earlier one", [4])
    ]


def test_columns_that_are_missing_are_no_warning(sound: pd.DataFrame) -> None:
    assert check_rows(sound.drop(columns=["InternetService", "tenure"]), TELCO) == []
