"""Score registered models on held-out rows."""

import json
from typing import Any

from clearml_flows.tabular.artifacts import fetch_file
from clearml_flows.tabular.problem_type import predict_rows, row_metrics
from clearml_flows.tabular.registry.entries import model_value
from clearml_flows.tabular.training.model_file import load_model


def score_model(entry: Any, rows: Any, folder: str, max_bytes: int) -> dict[str, Any]:
    """Load a registered model and score the rows.

    Returns:
        `y`, the true values, and `p`, the predictions, as in `tabular/problem_type.py`; `threshold`, chosen
        in training, None for numbers; `metrics`, named `test_…`.

    Raises:
        ValueError: the model's file or facts differ from the registered ones, or the rows do not fit the model:
            a column is missing, a class is unknown, or the type of problem differs.
    """
    if not (model_value(entry, "sha256") and model_value(entry, "features")):
        raise ValueError(
            f"model {entry.name} {entry.id} was not registered by register_best: it has no sha256 or columns"
        )
    features = json.loads(model_value(entry, "features"))
    columns = features["numeric"] + features["categorical"]
    missing = [column for column in [*columns, features["target"]] if column not in rows.columns]
    if missing:
        raise ValueError(f"model {entry.name} {entry.id} needs the columns {', '.join(missing)}, which the rows lack")
    path = fetch_file(entry.uri, model_value(entry, "sha256"), max_bytes, folder, f"{entry.id}.skops")
    model, labels = load_model(path, 20 * max_bytes), rows[features["target"]]
    classes = getattr(model, "classes_", None)
    unknown = [] if classes is None else sorted(set(labels) - set(classes), key=str)
    if unknown:
        raise ValueError(
            f"model {entry.name} {entry.id} does not know the class {unknown[0]!r} of {features['target']}"
        )
    decided = model_value(entry, "threshold")
    if (classes is None) != (not decided):
        raise ValueError(f"model {entry.name} {entry.id} has a threshold and no classes, or classes and no threshold")
    return score_rows(model, rows[columns], labels, float(decided) if decided else None)


def score_rows(model: Any, features: Any, labels: Any, threshold: float | None) -> dict[str, Any]:
    """Score rows with a fitted model that knows the labels; return the dict of `score_model`."""
    # Take the positive class from the model: the rows may all have the same class.
    y = labels.to_numpy("float64") if threshold is None else (labels.to_numpy() == model.classes_[1]).astype(int)
    p = predict_rows(model, features)
    metrics = {f"test_{name}": value for name, value in row_metrics(y, p, threshold).items()}
    return {"y": y, "p": p, "threshold": threshold, "metrics": metrics}


def score_incumbent(
    entry: Any, candidate_id: str, rows: Any, folder: str, max_bytes: int
) -> tuple[dict[str, Any] | None, str]:
    """Score the production model on the same rows, unless it is the candidate.

    Returns:
        The dict of `score_model`, or None; and the reason if scoring failed, else an empty text.
    """
    if entry is None or entry.id == candidate_id:
        return None, ""
    try:
        return score_model(entry, rows, folder, max_bytes), ""
    except ValueError as error:
        return None, f"the production model cannot be compared with: {error}"
