"""What the columns of a customer say together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clearml_flows.tabular.data.engineering import engineered_features, telco_features
from clearml_flows.tabular.data.model_columns import fill_blanks
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema

TELCO = load_schema((Path(__file__).parents[3] / "flows" / "schemas" / "churn.json").read_text("utf-8"))
ADDED = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]


@pytest.fixture(scope="module")
def customers() -> Any:
    data = synthetic_customers(500, 1).to_csv(index=False).encode()
    return fill_blanks(rows_from_csv(data, TELCO)[0], TELCO)


def made(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: values for name, (_, values) in telco_features(frame).items()})


def one(customers: pd.DataFrame, **values: Any) -> dict[str, Any]:
    """The features of a customer by the month with DSL and phone, but for what is given."""
    plain: dict[str, Any] = {"PhoneService": "Yes", "MultipleLines": "No", "InternetService": "DSL", "tenure": 0}
    plain |= {"Partner": "No", "Dependents": "No", "Contract": "Month-to-month", "PaymentMethod": "Mailed check"}
    customer = customers.iloc[[0]].assign(**{**dict.fromkeys(ADDED, "No"), **plain, "MonthlyCharges": 45.0, **values})
    return {str(name): value for name, value in made(customer).iloc[0].items()}


def test_features_depend_on_their_own_row_only(customers: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(made(customers.iloc[[7]]), made(customers).iloc[[7]])
    shuffled = customers.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(made(shuffled).sort_index(), made(customers))


def test_every_feature_is_a_finite_number_with_a_sentence(customers: pd.DataFrame) -> None:
    assert np.isfinite(made(customers).to_numpy(dtype="float64")).all()
    told = [why for why, _ in telco_features(customers).values()]
    assert all(10 < len(why) < 130 for why in told)
    assert len(set(told)) == len(told)


def test_a_new_customer_with_nothing_added(customers: pd.DataFrame) -> None:
    assert one(customers) == {
        "tenure_log": 0,
        "tenure_years": 0,
        "tenure_by_month": 0,
        "months_into_term": 0,
        "fiber_by_month": 0,
        "check_by_month": 0,
        "household_size": 0,
        "service_count": 2,
        "discount": 0,
    }


@pytest.mark.parametrize(
    ("values", "features"),
    [
        ({"tenure": 30}, {"tenure_log": np.log(31), "tenure_years": 2, "tenure_by_month": np.log(31)}),
        ({"tenure": 72}, {"tenure_years": 6}),
        ({"tenure": 1000}, {"tenure_years": 6}),
        ({"tenure": 30, "Contract": "One year"}, {"tenure_by_month": 0, "months_into_term": 6}),
        ({"tenure": 30, "Contract": "Two year"}, {"months_into_term": 6}),
        ({"tenure": 48, "Contract": "Two year"}, {"months_into_term": 0}),
        ({"tenure": 30}, {"months_into_term": 0}),
        ({"InternetService": "Fiber optic"}, {"fiber_by_month": 1, "service_count": 2, "discount": 25}),
        ({"InternetService": "Fiber optic", "Contract": "One year"}, {"fiber_by_month": 0}),
        ({"PaymentMethod": "Electronic check"}, {"check_by_month": 1}),
        ({"PaymentMethod": "Electronic check", "Contract": "One year"}, {"check_by_month": 0}),
        ({"Partner": "Yes"}, {"household_size": 1}),
        ({"Partner": "Yes", "Dependents": "Yes"}, {"household_size": 2}),
        (dict.fromkeys(ADDED, "Yes") | {"MonthlyCharges": 80.0}, {"service_count": 8, "discount": 5}),
        ({"InternetService": "No", "MonthlyCharges": 25.0}, {"service_count": 1, "discount": -5}),
    ],
)
def test_what_a_feature_says(customers: pd.DataFrame, values: dict[str, Any], features: dict[str, float]) -> None:
    found = one(customers, **values)
    assert {name: found[name] for name in features} == pytest.approx(features)


def test_unknown_categories_count_as_none_of_the_known(customers: pd.DataFrame) -> None:
    unknown = one(customers, Contract="Barter", InternetService="5G", PaymentMethod="?", Partner="?", tenure=5)
    assert (unknown["months_into_term"], unknown["tenure_by_month"], unknown["service_count"]) == (0, 0, 1)
    assert (unknown["fiber_by_month"], unknown["check_by_month"], unknown["household_size"]) == (0, 0, 0)


def test_a_schema_that_names_none_gets_none(customers: pd.DataFrame) -> None:
    assert engineered_features(customers, {**TELCO, "engineering": ""}) == {}
    assert list(engineered_features(customers, TELCO)) == list(telco_features(customers))
