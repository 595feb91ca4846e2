"""Features row by row, and a split that is drawn once."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clearml_flows.tabular.data.columns import finish_types, to_typed
from clearml_flows.tabular.data.model_columns import feature_roles, fill_blanks
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema

TELCO = load_schema((Path(__file__).parents[3] / "flows" / "schemas" / "churn.json").read_text("utf-8"))
WINE = load_schema(
    '{"target": "quality", "columns": [{"name": "pH", "kind": "number"}, {"name": "quality", "kind": "integer"}]}'
)


@pytest.fixture(scope="module")
def valid() -> Any:
    return finish_types(to_typed(synthetic_customers(500, 1).astype(str), TELCO)[0], TELCO)


def test_total_charges_of_a_customer_of_no_months_are_0(valid: pd.DataFrame) -> None:
    filled = fill_blanks(valid, TELCO)
    assert valid["TotalCharges"].isna().any()
    assert (filled.loc[valid["TotalCharges"].isna(), "TotalCharges"] == 0).all()
    assert not filled.isna().any(axis=None)


def test_roles(valid: pd.DataFrame) -> None:
    numeric, categorical = feature_roles(valid, TELCO)
    assert numeric == ["SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges"]
    assert len(categorical) == 15
    assert not {"customerID", "Churn"} & {*numeric, *categorical}
    assert feature_roles(pd.DataFrame({"pH": [3.5], "quality": [5]}), WINE) == (["pH"], [])


def test_split_is_whole_disjoint_stratified_and_repeatable(valid: pd.DataFrame) -> None:
    train, test = split_rows(valid, TELCO, 0.2, 7)
    assert (len(train), len(test)) == (400, 100)
    assert sorted([*train["customerID"], *test["customerID"]]) == sorted(valid["customerID"])
    churn = [(part["Churn"] == "Yes").mean() for part in (valid, train, test)]
    assert max(churn) - min(churn) < 0.01
    assert split_rows(valid, TELCO, 0.2, 7)[1].equals(test)
    assert not split_rows(valid, TELCO, 0.2, 8)[1].equals(test)


def test_a_regression_is_split_without_strata() -> None:
    train, test = split_rows(pd.DataFrame({"pH": range(10), "quality": range(10)}), WINE, 0.3, 1)
    assert (len(train), len(test)) == (7, 3)
