"""Synthetic rows for runs without real data."""

from collections.abc import Callable
from typing import Any

from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.synthetic_wine import synthetic_wines


def synthetic_makers() -> dict[str, Callable[[int, int], Any]]:
    """Return the functions that a schema's `synthetic` may name.

    Each takes the number of rows and a seed. Equal arguments give equal rows.
    """
    return {"telco": synthetic_customers, "wine": synthetic_wines}


def write_synthetic(folder: str, kind: str, rows: int, seed: int) -> str:
    """Write synthetic rows as a CSV file in the format of the real file.

    Returns:
        The file's path.

    Raises:
        ValueError: no synthetic rows of this kind exist, or `rows` is not 100 to 10 million.
    """
    if kind not in synthetic_makers():
        raise ValueError("this flow has no made-up data: its schema names none as `synthetic`")
    if not 100 <= rows <= 10_000_000:
        raise ValueError(f"cannot make {rows} synthetic rows: data.rows goes from 100 to 10000000")
    path = f"{folder}/synthetic-{rows}-{seed}.csv"
    synthetic_makers()[kind](rows, seed).to_csv(path, index=False)
    print(f"WARNING: THESE {rows} ROWS ARE SYNTHETIC. What a model learns from them says nothing about real ones.")
    return path
