"""Small made-up tables of customers, with a churn signal that a model can learn."""

from typing import Any

import numpy as np
import pandas as pd

NUMERIC = ["tenure", "charge"]
CATEGORICAL = ["contract", "payment"]
TARGET = "churn"
FOREST: dict[str, Any] = {"name": "forest", "family": "RandomForest", "params": {"n_estimators": 5, "max_depth": 3}}
LOGISTIC: dict[str, Any] = {"name": "logistic", "family": "LogisticRegression"}


def make_customers(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Rows with a key, the columns NUMERIC and CATEGORICAL, and the TARGET as Yes or No."""
    rng = np.random.default_rng(seed)
    tenure = rng.integers(0, 72, rows)
    charge = rng.normal(65, 20, rows).round(2)
    contract = rng.choice(["monthly", "yearly"], rows)
    logit = 1.5 - 0.06 * tenure + 0.01 * (charge - 65) + np.where(contract == "monthly", 0.7, -1.0)
    churn = np.where(rng.random(rows) < 1 / (1 + np.exp(-logit)), "Yes", "No")
    payment = rng.choice(["card", "cheque", "transfer"], rows)
    key = [f"C{number:04d}" for number in range(rows)]
    columns = {"key": key, "tenure": tenure, "charge": charge, "contract": contract, "payment": payment}
    return pd.DataFrame({**columns, TARGET: churn})
