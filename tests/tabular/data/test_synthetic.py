"""Customers that nobody ever was look as the real ones do."""

import csv
from pathlib import Path

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from clearml_flows.tabular.data.synthetic import write_synthetic
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers

REAL = "WA_Fn-UseC_-Telco-Customer-Churn.csv"


def test_equal_for_equal_rows_and_seed(tmp_path: Path) -> None:
    one, two, other = (Path(write_synthetic(str(tmp_path), "telco", 200, seed)).read_bytes() for seed in (7, 7, 8))
    assert one == two
    assert one != other


@pytest.mark.parametrize("rows", [99, 10_000_001])
def test_rows_are_bounded(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"cannot make {rows} synthetic rows"):
        write_synthetic(str(tmp_path), "telco", rows, 1)


def test_total_charges_are_blank_where_and_only_where_tenure_is_0(tmp_path: Path) -> None:
    with Path(write_synthetic(str(tmp_path), "telco", 1000, 3)).open(newline="") as file:
        customers = list(csv.DictReader(file))
    blank = [customer for customer in customers if not customer["TotalCharges"].strip()]
    assert blank == [customer for customer in customers if customer["tenure"] == "0"] != []
    assert {customer["Churn"] for customer in blank} == {"No"}


def test_ids_stay_distinct(tmp_path: Path) -> None:
    ids = synthetic_customers(50_000, 5)["customerID"]
    assert ids.is_unique
    assert ids.str.fullmatch("[0-9]{4}-[A-Z]{5}").all()


def test_columns_values_and_shares_are_those_of_the_real_file(data_folder: Path) -> None:
    real = pd.read_csv(data_folder / REAL)
    made = synthetic_customers(7000, 11)
    assert list(made) == list(real)
    for column in made.columns.difference(["customerID", "tenure", "MonthlyCharges", "TotalCharges"]):
        shares = real[column].value_counts(normalize=True)
        found = made[column].value_counts(normalize=True)
        assert set(found.index) == set(shares.index), column
        assert (found - shares).abs().max() < 0.05, column
    for column in ("tenure", "MonthlyCharges"):
        assert (made[column].quantile([0.25, 0.5, 0.75]) - real[column].quantile([0.25, 0.5, 0.75])).abs().max() < 6


@pytest.mark.parametrize("seed", [1, 42])
def test_a_good_model_reaches_what_it_reaches_on_real_customers(seed: int) -> None:
    made = synthetic_customers(3500, seed)
    target = (made.pop("Churn") == "Yes").astype(int)
    assert 0.24 < target.mean() < 0.29
    features = made.drop(columns=["customerID", "TotalCharges"])
    encode = make_column_transformer(
        (StandardScaler(), ["tenure", "MonthlyCharges"]), remainder=OneHotEncoder(handle_unknown="ignore")
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=500))
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    assert 0.82 < cross_val_score(model, features, target, cv=folds, scoring="roc_auc").mean() < 0.87
