"""Columns made from the columns of the same row; nothing is fitted, so nothing leaks between train and test rows.

These functions travel with a step: list them in its `helper_functions=[…]`.
"""

from typing import Any


def engineered_features(frame: Any, schema: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """The features that the schema's `engineering` names: for each new column, why it is there, and its values."""
    return telco_features(frame) if schema["engineering"] == "telco" else {}


def telco_features(frame: Any) -> dict[str, tuple[str, Any]]:
    """What the Telco columns say together: for each new column, why it is there, and its values."""
    import numpy as np

    protection = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport"]
    services = ["PhoneService", "MultipleLines", *protection, "StreamingTV", "StreamingMovies"]
    count = (frame[services] == "Yes").sum(axis=1) + (frame["InternetService"] != "No")
    automatic = frame["PaymentMethod"].str.contains("automatic", regex=False)
    return {
        "tenure_log": ("the first months tell more than the later ones", np.log1p(frame["tenure"].astype("float64"))),
        "protection_count": (
            "security, backup, protection and support keep internet customers",
            (frame[protection] == "Yes").sum(axis=1).astype("int64"),
        ),
        "charges_per_service": (
            "a high price for few services drives customers away",
            frame["MonthlyCharges"] / count.clip(lower=1),
        ),
        "contract_payment": (
            "a contract by the month that is paid by hand ends most easily",
            frame["Contract"] + np.where(automatic, ", automatic", ", by hand"),
        ),
    }
