"""Out-of-fold predictions of training rows as a file, for choosing thresholds."""

from typing import Any

import pandas as pd

from clearml_flows.tabular.artifacts import fetch_artifact
from clearml_flows.tabular.judging.profit import Prices, best_profit_threshold
from clearml_flows.tabular.parquet import read_parquet, write_parquet


def write_predictions(y: Any, p: Any, threshold: float | None, path: str) -> None:
    """Write predictions as parquet, in the order of the training rows.

    The columns are `positive` (1 or 0) and `probability`; for numbers `true` and `predicted`.
    """
    columns = {"true": y, "predicted": p} if threshold is None else {"positive": y.astype("int8"), "probability": p}
    write_parquet(pd.DataFrame(columns), path)


def read_predictions(task_id: str, sha256: str, folder: str, max_bytes: int) -> tuple[Any, Any]:
    """Read predictions of classes from the artifact `out_of_fold` of an experiment's Task.

    Raises:
        ValueError: the artifact is missing, too large, or differs from the stored one.
    """
    reference = {"task": task_id, "artifact": "out_of_fold", "sha256": sha256}
    rows = read_parquet(fetch_artifact(reference, folder, max_bytes), ["positive", "probability"], max_bytes)
    return rows["positive"].to_numpy(), rows["probability"].to_numpy()


def trained_profit_threshold(
    sweep: dict[str, Any], task_id: str, prices: Prices, folder: str, max_bytes: int
) -> float | None:
    """Return the threshold with the highest profit on an experiment's out-of-fold predictions.

    Returns None if the sweep lacks the experiment, it predicts numbers, or its predictions cannot be read. In the last
    case the console says why.
    """
    entry = next((one for one in sweep.get("experiments", []) if one["task_id"] == task_id), None)
    if entry is None or entry["threshold"] is None:
        return None
    try:
        y, p = read_predictions(task_id, entry["out_of_fold_sha256"], folder, max_bytes)
    except (OSError, ValueError) as error:
        print(f"there is no profit threshold of the training rows: {error}")
        return None
    threshold: float = best_profit_threshold(y, p, *prices)
    return threshold
