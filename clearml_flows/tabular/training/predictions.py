"""Predictions of training rows by models that have not seen them, as a file: what may be chosen by them, may be.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.artifacts import fetch_artifact, read_parquet, write_parquet
    from clearml_flows.tabular.judging.profit import best_profit_threshold


def write_predictions(y: Any, p: Any, threshold: float | None, path: str) -> None:
    """Writes parquet in the order of the training rows, with the columns `positive` (1 or 0) and `probability`; of
    numbers, which have no threshold, `true` and `predicted`."""
    import pandas as pd

    columns = {"true": y, "predicted": p} if threshold is None else {"positive": y.astype("int8"), "probability": p}
    write_parquet(pd.DataFrame(columns), path)


def read_predictions(task_id: str, sha256: str, folder: str, max_bytes: int) -> tuple[Any, Any]:
    """What `write_predictions` wrote of classes, from the artifact `out_of_fold` of an experiment's Task.

    Raises:
        ValueError: it is not there, too large, or not what was stored.
    """
    reference = {"task": task_id, "artifact": "out_of_fold", "sha256": sha256}
    rows = read_parquet(fetch_artifact(reference, folder, max_bytes), ["positive", "probability"], max_bytes)
    return rows["positive"].to_numpy(), rows["probability"].to_numpy()


def trained_profit_threshold(
    sweep: dict[str, Any], task_id: str, prices: tuple[float, float, float], folder: str, max_bytes: int
) -> float | None:
    """The threshold of the highest profit on the training rows, as an experiment predicts them out of fold.

    None if the sweep does not know the experiment, or it predicts numbers, or its predictions cannot be read: the
    console says why.
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
