"""Generate synthetic Telco customers: real columns, plausible marginals, learnable churn.

The shares are those of the published Telco Customer Churn file, rounded.
"""

from typing import Any

import numpy as np
import pandas as pd


def synthetic_customers(rows: int, seed: int) -> Any:
    """Return a DataFrame of customers in the CSV's format; equal for equal rows and seed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"customerID": synthetic_ids(rng, rows)})
    frame["gender"] = rng.choice(["Female", "Male"], rows)
    frame["SeniorCitizen"] = (rng.random(rows) < 0.16).astype(int)
    partner = rng.random(rows) < 0.48
    frame["Partner"] = np.where(partner, "Yes", "No")
    frame["Dependents"] = np.where(rng.random(rows) < np.where(partner, 0.51, 0.1), "Yes", "No")
    internet = rng.choice(["DSL", "Fiber optic", "No"], rows, p=[0.344, 0.44, 0.216])
    contract = synthetic_contracts(rng, internet)
    frame["tenure"] = synthetic_tenures(rng, contract)
    services = synthetic_services(rng, internet, contract)
    for name, values in services.items():
        frame[name] = values
    frame["Contract"] = contract
    frame["PaperlessBilling"] = np.where(
        rng.random(rows) < np.select([internet == "DSL", internet == "No"], [0.55, 0.29], 0.77), "Yes", "No"
    )
    frame["PaymentMethod"] = synthetic_payments(rng, internet, contract)
    frame["MonthlyCharges"] = synthetic_charges(rng, services)
    paid = frame["tenure"] * frame["MonthlyCharges"] * np.where(frame["tenure"] > 1, rng.normal(1, 0.045, rows), 1)
    frame["TotalCharges"] = np.where(frame["tenure"] == 0, " ", paid.round(2).astype(str))
    frame["Churn"] = synthetic_churn(rng, frame)
    return frame


def synthetic_ids(rng: Any, rows: int) -> Any:
    """Return distinct ids such as 7590-VHVEG.

    Ids step through all values from a random start, with a step coprime to their number.
    """
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    space = 10_000 * 26**5
    number = (int(rng.integers(space)) + np.arange(rows, dtype=np.int64) * 7_368_787_021 % space) % space
    ids = np.char.zfill((number // 26**5).astype(str), 4)
    ids = np.char.add(ids, "-")
    for power in range(4, -1, -1):
        ids = np.char.add(ids, letters[number // 26**power % 26])
    return ids


def synthetic_contracts(rng: Any, internet: Any) -> Any:
    """Draw the contract type, given the internet service."""
    draw = rng.random(len(internet))
    monthly = np.select([internet == "DSL", internet == "No"], [0.505, 0.343], 0.687)
    yearly = np.select([internet == "DSL", internet == "No"], [0.235, 0.239], 0.174)
    return np.select([draw < monthly, draw < monthly + yearly], ["Month-to-month", "One year"], "Two year")


def synthetic_tenures(rng: Any, contract: Any) -> Any:
    """Draw tenures of 1 to 72 months, and 0 for one in 500 customers (at least one)."""
    rows = len(contract)
    share = np.select(
        [contract == "Month-to-month", contract == "One year"],
        [rng.beta(0.6, 1.9, rows), rng.beta(1.6, 1.1, rows)],
        rng.beta(2.1, 0.6, rows),
    )
    months = np.clip(np.ceil(share * 72), 1, 72).astype(int)
    months[rng.choice(rows, max(1, rows // 500), replace=False)] = 0
    return months


def synthetic_services(rng: Any, internet: Any, contract: Any) -> dict[str, Any]:
    """Return the nine service columns in file order; longer contracts have more services."""
    rows = len(internet)
    phone = (internet == "No") | (rng.random(rows) < np.where(internet == "DSL", 0.72, 1.0))
    lines = np.where(rng.random(rows) < np.where(internet == "Fiber optic", 0.6, 0.3), "Yes", "No")
    services = {
        "PhoneService": np.where(phone, "Yes", "No"),
        "MultipleLines": np.where(phone, lines, "No phone service"),
        "InternetService": internet,
    }
    term = np.select([contract == "Month-to-month", contract == "One year"], [0.0, 0.3], 0.48)
    taste = rng.normal(0, 0.1, rows)
    for name, dsl, fiber in [
        ("OnlineSecurity", 0.34, 0.17),
        ("OnlineBackup", 0.3, 0.33),
        ("DeviceProtection", 0.29, 0.33),
        ("TechSupport", 0.34, 0.17),
        ("StreamingTV", 0.25, 0.48),
        ("StreamingMovies", 0.26, 0.48),
    ]:
        taken = rng.random(rows) < np.where(internet == "DSL", dsl, fiber) + term + taste
        services[name] = np.where(internet == "No", "No internet service", np.where(taken, "Yes", "No"))
    return services


def synthetic_payments(rng: Any, internet: Any, contract: Any) -> Any:
    """Draw the payment method; electronic checks are common with fiber and monthly contracts."""
    electronic = np.select([internet == "DSL", internet == "No"], [0.27, 0.08], 0.5)
    electronic = np.clip(electronic + np.where(contract == "Month-to-month", 0.09, -0.13), 0.02, 0.9)
    mailed = np.select([internet == "DSL", internet == "No"], [0.25, 0.48], 0.08)
    draw, automatic = rng.random(len(internet)), rng.random(len(internet)) < 0.5
    rest = np.where(automatic, "Bank transfer (automatic)", "Credit card (automatic)")
    return np.select([draw < electronic, draw < electronic + mailed], ["Electronic check", "Mailed check"], rest)


def synthetic_charges(rng: Any, services: dict[str, Any]) -> Any:
    """Return monthly charges: a price per service plus noise, rounded to 0.05."""
    internet = services["InternetService"]
    price = 20.0 * (services["PhoneService"] == "Yes") + np.select(
        [internet == "DSL", internet == "Fiber optic"], [25.0, 50.0], 0.0
    )
    for name, values in services.items():
        if name not in ("PhoneService", "InternetService"):
            price = price + (10.0 if name.startswith("Streaming") else 5.0) * (values == "Yes")
    return np.round(np.round((price + rng.normal(0, 1.0, len(price))) / 0.05) * 0.05, 2)


def synthetic_churn(rng: Any, frame: Any) -> Any:
    """Draw Yes or No from a logistic model whose intercept gives an expected churn of 26.5 %."""
    score = (
        np.select([frame["Contract"] == "One year", frame["Contract"] == "Two year"], [-0.85, -1.7], 0.0)
        + np.select([frame["InternetService"] == "Fiber optic", frame["InternetService"] == "No"], [0.95, -0.75], 0.0)
        - 0.62 * np.log1p(frame["tenure"].to_numpy())
        + 0.4 * (frame["PaymentMethod"] == "Electronic check")
        + 0.32 * (frame["PaperlessBilling"] == "Yes")
        + 0.45 * (frame["SeniorCitizen"] == 1)
        - 0.25 * (frame["Dependents"] == "Yes")
        - 0.38 * (frame["OnlineSecurity"] == "Yes")
        - 0.36 * (frame["TechSupport"] == "Yes")
        + 0.22 * (frame["StreamingMovies"] == "Yes")
        + 0.35 * ((frame["Contract"] == "Month-to-month") & (frame["tenure"] <= 6))
    ).to_numpy() * 0.92  # so that a good model reaches a ROC-AUC of about 0.84, as on the real customers
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-score - middle))).mean() < 0.265 else (low, middle)
    leaves = rng.random(len(frame)) < 1 / (1 + np.exp(-score - low))
    return np.where(leaves & (frame["tenure"] > 0).to_numpy(), "Yes", "No")
