"""What is called drift, what may be chance, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.datasets.drift import (
    describe_drift,
    drift_figure,
    index_by_chance,
    measure_drift,
    stability_index,
)

WARN, REFUSE = 0.1, 2.0
BEFORE: pd.DataFrame = synthetic_customers(3000, 1).astype({"tenure": int, "MonthlyCharges": float})


def drift(after: pd.DataFrame, before: pd.DataFrame = BEFORE, warn: float = WARN, refuse: float = REFUSE) -> Any:
    table = measure_drift(before, after, "Churn", "customerID", warn, refuse)
    return pd.DataFrame(table).set_index("column")


def test_the_same_rows_have_not_moved() -> None:
    table = drift(BEFORE.sample(frac=1, random_state=1))
    assert set(table["verdict"]) == {"stable"}
    assert table["measure"].abs().max() < 1e-12
    assert "customerID" not in table.index


@pytest.mark.parametrize("rows", [100, 1000, 3000])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_other_customers_of_the_same_kind_have_not_moved(rows: int, seed: int) -> None:
    after = synthetic_customers(rows, seed).astype({"tenure": int, "MonthlyCharges": float})
    table = drift(after.drop(columns="TotalCharges"))
    assert set(table["verdict"]) == {"stable"}, table


def test_psi_by_hand() -> None:
    psi = stability_index({"a": 500, "b": 500}, {"a": 700, "b": 300})
    assert psi == pytest.approx(0.2 * np.log(7 / 5) - 0.2 * np.log(3 / 5), rel=0.01)


def test_chance_is_the_upper_end_of_what_equal_rows_give() -> None:
    rng = np.random.default_rng(0)
    found = [
        stability_index(*(dict(enumerate(np.bincount(rng.integers(0, 5, 800), minlength=5))) for _ in range(2)))
        for _ in range(2000)
    ]
    assert 0 <= np.mean(np.array(found) > index_by_chance(5, 800, 800)) < 0.004
    assert max(found) > index_by_chance(5, 800, 800) * 0.7


def test_numbers_that_moved() -> None:
    table = drift(BEFORE.assign(MonthlyCharges=BEFORE["MonthlyCharges"] * 1.1))
    assert list(table.index[table["verdict"] == "warned"]) == ["MonthlyCharges"]
    assert table.index[0] == "MonthlyCharges"
    was, now = BEFORE["MonthlyCharges"].mean(), BEFORE["MonthlyCharges"].mean() * 1.1
    assert table.loc["MonthlyCharges", "moved"] == f"mean {was:.4g} to {now:.4g}"
    beyond = BEFORE["MonthlyCharges"].mask(BEFORE.index % 2 == 0, 500.0)
    assert drift(BEFORE.assign(MonthlyCharges=beyond)).loc["MonthlyCharges", "verdict"] == "refused"
    cents = drift(BEFORE.assign(MonthlyCharges=BEFORE["MonthlyCharges"] * 100))
    assert cents.loc["MonthlyCharges", "verdict"] == "refused"


def test_a_column_that_broke_is_refused() -> None:
    broken = BEFORE.assign(tenure=0, gender="Male", MonthlyCharges=np.nan)
    table = drift(broken)
    assert set(table.index[table["verdict"] == "refused"]) >= {"tenure", "gender", "MonthlyCharges"}


def test_categories_that_moved_and_new_ones() -> None:
    monthly = BEFORE["Contract"].mask(BEFORE.index % 2 == 0, "Month-to-month")
    payment = BEFORE["PaymentMethod"].where(BEFORE.index != 5, "Barter")
    table = drift(BEFORE.assign(Contract=monthly, PaymentMethod=payment))
    assert set(table.index[table["verdict"] == "warned"]) == {"Contract", "PaymentMethod"}
    assert table.loc["PaymentMethod", "new"] == ["Barter"]
    assert table.loc["PaymentMethod", "measure"] < 0.01
    assert str(table.loc["Contract", "moved"]).startswith("'Month-to-month' 5")


def test_the_share_of_the_target() -> None:
    few = BEFORE["Churn"].mask((BEFORE["Churn"] == "No") & (BEFORE.index % 8 == 0), "Yes")
    table = drift(BEFORE.assign(Churn=few))
    assert table.loc["Churn", "psi"] < WARN < table.loc["Churn", "measure"] < REFUSE
    assert table.loc["Churn", "verdict"] == "warned"
    most = drift(BEFORE.assign(Churn=np.where(BEFORE.index % 8 < 7, "Yes", "No")))
    assert most.loc["Churn", "verdict"] == "refused"


def test_thresholds_of_0_never_speak() -> None:
    broken = BEFORE.assign(tenure=0)
    assert set(drift(broken, refuse=0)["verdict"]) == {"stable", "warned"}
    assert set(drift(broken, warn=0, refuse=0)["verdict"]) == {"stable"}


def test_values_between_few_known_ones_have_a_bin_of_their_own() -> None:
    before = pd.DataFrame({"score": [1.0, 2.0, 3.0] * 300})
    table = drift(pd.DataFrame({"score": [1.0, 2.5, 3.0] * 300}), before)
    assert table.loc["score", "verdict"] == "refused"


def test_columns_of_one_side_only_or_of_another_type() -> None:
    after = BEFORE.rename(columns={"gender": "sex"}).assign(tenure=BEFORE["tenure"].astype(str))
    table = drift(after)
    assert not {"gender", "sex"} & set(table.index)
    assert table.loc["tenure", "verdict"] == "stable"


def test_it_is_told_and_drawn() -> None:
    after = BEFORE.assign(tenure=0, PaymentMethod="Barter")
    table = measure_drift(BEFORE, after, "Churn", "customerID", WARN, REFUSE)
    assert "tenure (" in describe_drift(table, "refused")
    assert "PaymentMethod (" in describe_drift(table, "refused")
    assert "new: 'Barter'" in describe_drift(table, "refused")
    assert describe_drift(table, "refused", most=1).endswith(") and 1 more")
    figure = drift_figure(table, WARN, 0)
    assert len(figure["data"][0]["y"]) == len(table)
    assert len(figure["layout"]["shapes"]) == 1


NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), min_size=1, max_size=30)


@given(NUMBERS, NUMBERS)
def test_any_numbers_have_a_finite_measure(before: list[float], after: list[float]) -> None:
    table = drift(pd.DataFrame({"x": after}), pd.DataFrame({"x": before}))
    assert np.isfinite(table.loc["x", "measure"])
    assert table.loc["x", "psi"] >= 0
