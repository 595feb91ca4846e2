"""Compute feature columns from the columns of the same row.

Nothing is fitted, so nothing leaks between train and test rows.
"""

import math
from collections.abc import Callable
from typing import Any


def engineered_features(frame: Any, schema: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Compute the features of the schema's `engineering`: column → (reason, values)."""
    made: dict[str, tuple[str, Any]] = feature_makers()[schema["engineering"]](frame) if schema["engineering"] else {}
    return made


def feature_makers() -> dict[str, Callable[[Any], dict[str, tuple[str, Any]]]]:
    """Return the functions that a schema's `engineering` may name.

    Each takes checked rows and computes each row's features from that row alone.
    """
    return {"telco": telco_features}


def telco_features(frame: Any) -> dict[str, tuple[str, Any]]:
    """Compute the Telco features: column → (reason, numeric values).

    An unknown category counts as none of the categories that a feature asks for.
    docs/data.md has the measured gain of the features.
    """
    tenure = frame["tenure"].astype("float64")
    # Not numpy's log1p: its last bit depends on the CPU, and with it the version of the dataset.
    tenure_log = tenure.map(math.log1p)
    by_month = frame["Contract"] == "Month-to-month"
    term = frame["Contract"].map({"One year": 12, "Two year": 24}).fillna(1).astype("int64")
    fiber = frame["InternetService"] == "Fiber optic"
    check = frame["PaymentMethod"] == "Electronic check"
    return {
        "tenure_log": (
            "months as a customer, as a logarithm: the first ones tell more than the later ones",
            tenure_log,
        ),
        "tenure_years": (
            "the band of tenure, in whole years up to 6: habits change with the years",
            (frame["tenure"] // 12).clip(upper=6).astype("int64"),
        ),
        "tenure_by_month": (
            "tenure_log where the contract is by the month, else 0: there tenure is what binds a customer",
            tenure_log.where(by_month, 0.0),
        ),
        "months_into_term": (
            "months since a contract of one or two years was last renewed: it can be left when the term is over",
            (frame["tenure"] % term).astype("int64"),
        ),
        "fiber_by_month": (
            "1 for fiber with a contract by the month: the dearest service, and the easiest to leave",
            (fiber & by_month).astype("int64"),
        ),
        "check_by_month": (
            "1 for electronic checks with a contract by the month: each bill is a decision to stay",
            (check & by_month).astype("int64"),
        ),
        "household_size": (
            "partner and dependents: 0, 1 or 2; a household is harder to move than a person",
            ((frame["Partner"] == "Yes").astype("int64") + (frame["Dependents"] == "Yes")).astype("int64"),
        ),
        "service_count": (
            "services taken: who has more of them has more to lose",
            telco_services(frame).sum(axis=1).astype("int64"),
        ),
        "discount": (
            "what the services cost separately less what is charged each month: who pays more than others may leave",
            telco_prices(frame) - frame["MonthlyCharges"],
        ),
    }


def telco_services(frame: Any) -> Any:
    """Return nine boolean columns: the services that each customer has."""
    names = ["PhoneService", "MultipleLines", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport"]
    taken = frame[[*names, "StreamingTV", "StreamingMovies"]] == "Yes"
    return taken.assign(InternetService=frame["InternetService"].isin(["DSL", "Fiber optic"]))


def telco_prices(frame: Any) -> Any:
    """Return each customer's monthly price if every service were charged separately.

    The prices per service were derived from the Telco data.
    """
    taken = telco_services(frame).drop(columns="InternetService")
    prices = dict.fromkeys(taken.columns, 5.0) | {"PhoneService": 20.0, "StreamingTV": 10.0, "StreamingMovies": 10.0}
    internet = frame["InternetService"].map({"DSL": 25.0, "Fiber optic": 50.0}).fillna(0.0)
    return internet + sum(price * taken[name] for name, price in prices.items())
