"""Registered models on rows that they have not seen.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.artifacts import fetch_file
    from clearml_flows.tabular.problem_type import predict_rows, row_metrics
    from clearml_flows.tabular.registry.entries import model_value
    from clearml_flows.tabular.training.model_file import load_model


def score_model(entry: Any, rows: Any, folder: str, max_bytes: int) -> dict[str, Any]:
    """Reads a registered model and scores the rows with it.

    Returns:
        `y`, what is true, and `p`, what is predicted, as `tabular/problem_type.py` has them; `threshold`, the one
        chosen in training, None of numbers; `metrics`, named `test_…`.

    Raises:
        ValueError: the model's file or facts are not what was registered, or the rows lack a column of its, have a
            class that it does not know, or are of another type of problem.
    """
    import json

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
    """What `score_model` returns, of a fitted model that knows the labels."""
    # Of classes, those of the model: the rows may all be of one.
    y = labels.to_numpy("float64") if threshold is None else (labels.to_numpy() == model.classes_[1]).astype(int)
    p = predict_rows(model, features)
    metrics = {f"test_{name}": value for name, value in row_metrics(y, p, threshold).items()}
    return {"y": y, "p": p, "threshold": threshold, "metrics": metrics}


def score_incumbent(
    entry: Any, candidate_id: str, rows: Any, folder: str, max_bytes: int
) -> tuple[dict[str, Any] | None, str]:
    """Scores the production model, if there is one besides the candidate, on the same rows.

    Returns:
        What `score_model` returns, or None; and why it could not be scored, or an empty text.
    """
    if entry is None or entry.id == candidate_id:
        return None, ""
    try:
        return score_model(entry, rows, folder, max_bytes), ""
    except ValueError as error:
        return None, f"the production model cannot be compared with: {error}"
