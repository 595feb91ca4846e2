"""Build the sections of a run's report, for its HTML page and its Markdown card.

A section is `{title, blocks}`; a block is `{kind, …}` of plain texts, not yet escaped. Kinds are text, heading,
warning, code, list, table and figure.
"""

import shlex
from typing import Any

from scipy.stats import t

from clearml_flows.tabular.judging.metric_names import lower_is_better
from clearml_flows.tabular.registry.entries import model_value


def report_sections(
    entry: Any,
    dataset: dict[str, Any],
    sweep: dict[str, Any],
    evaluation: dict[str, Any],
    figures: dict[str, Any],
    folds: int,
    repeats: int,
) -> list[dict[str, Any]]:
    """Build all sections of the report.

    Args:
        entry: the candidate's registry entry.
        dataset: the reference that `version_dataset` returns.
        sweep: the reference that `train_sweep` returns, or {}.
        evaluation: the result of `evaluate` as a dict; unknown keys get sections too.
        figures: plotly figures by title.
        folds: the folds of the cross-validation, 0 if unknown.
        repeats: how often the folds were drawn.
    """
    sections = [verdict_section(entry, dataset, evaluation), lineage_section(entry, dataset)]
    if sweep:
        sections.append(leaderboard_section(sweep, folds, repeats))
    sections.append(results_section(evaluation))
    if figures:
        blocks = [{"kind": "figure", "title": title, "figure": figure} for title, figure in figures.items()]
        sections.append({"title": "Curves", "blocks": blocks})
    return [
        *sections,
        *other_sections(evaluation),
        limits_section(dataset, evaluation),
        usage_section(entry, evaluation),
    ]


def verdict_section(entry: Any, dataset: dict[str, Any], evaluation: dict[str, Any]) -> dict[str, Any]:
    """State if the model went into production, and why it was the candidate."""
    verdict = "In production" if evaluation["promoted"] else "Not in production"
    blocks = [
        {"kind": "text", "text": f"{verdict}: {evaluation['reason']}."},
        {
            "kind": "text",
            "text": f"Why this model was the candidate: {model_value(entry, 'reason') or 'not recorded'}.",
        },
    ]
    if dataset.get("synthetic"):
        text = "All rows of the data are made up: these numbers say nothing about real ones."
        blocks.insert(0, {"kind": "warning", "text": text})
    return {"title": "Verdict", "blocks": blocks}


def lineage_section(entry: Any, dataset: dict[str, Any]) -> dict[str, Any]:
    """List the origin of data, code and model, with their hashes."""
    rows = [
        ("model", f"{entry.name}, version {model_value(entry, 'version')}, id {entry.id}"),
        ("model file, sha256", model_value(entry, "sha256")),
        ("experiment", f"{model_value(entry, 'experiment_name')}, task {model_value(entry, 'experiment')}"),
        ("estimator", f"{model_value(entry, 'family')} {model_value(entry, 'parameters')}"),
        ("dataset", f"{dataset.get('name', '')} {dataset.get('version', '')}, id {dataset['id']}"),
        ("dataset content, sha256", dataset["sha256"]),
        ("raw file, sha256", dataset.get("raw_sha256", "")),
        ("rows", f"{dataset['train_rows']} to train, {dataset['test_rows']} to test"),
        ("target", dataset["target"]),
        ("numeric columns", ", ".join(dataset["numeric"])),
        ("categorical columns", ", ".join(dataset["categorical"])),
        ("code, commit", model_value(entry, "commit") or "unknown: not run from a git checkout"),
        ("libraries", model_value(entry, "libraries")),
    ]
    return {"title": "Data and lineage", "blocks": [{"kind": "table", "head": [], "rows": [list(row) for row in rows]}]}


def leaderboard_section(sweep: dict[str, Any], folds: int, repeats: int) -> dict[str, Any]:
    """Tabulate all experiments, best first, with the interval of the cross-validated mean."""
    metric = f"cv_{sweep['metric']}"
    sign = 1 if lower_is_better(metric) else -1
    done = [one for one in sweep["experiments"] if metric in one["metrics"]]
    ranked = sorted(done, key=lambda one: (sign * one["metrics"][metric], one["name"]))
    others = ["cv_roc_auc", "cv_average_precision", "cv_f1_score", "cv_brier", "train_accuracy"]
    others += ["cv_r2", "cv_rmse", "cv_mae", "train_r2"]
    others = [name for name in others if name != metric and any(name in one["metrics"] for one in ranked)]
    rows = []
    for place, one in enumerate(ranked, start=1):
        low, high = mean_interval(one["metrics"][metric], one["metrics"].get(f"{metric}_std"), folds, repeats)
        if metric not in ("cv_r2", "cv_rmse", "cv_mae"):
            low, high = (None if edge is None else min(max(edge, 0.0), 1.0) for edge in (low, high))
        values = [show_value(one["metrics"].get(name)) for name in (metric, *others)]
        rows.append([str(place), one["name"], one["family"], values[0], show_range(low, high), *values[1:]])
    rows += [["", one["name"], one["family"], one["status"]] for one in sweep["experiments"] if one not in done]
    head = ["#", "experiment", "family", metric, "95 % interval", *others]
    text = "Chosen by the mean over the folds of the training rows; the test rows had no say. The intervals are wider "
    text += "than the spread of the folds, since folds share most of their rows (corrected as by Nadeau and Bengio)."
    blocks = [{"kind": "text", "text": text}, {"kind": "table", "head": head, "rows": rows}]
    if len(ranked) > 1:
        blocks.append({"kind": "text", "text": lead_text(ranked[0], ranked[1], metric, folds, repeats)})
    return {"title": f"{sweep['count']} experiments, {sweep['failed']} failed", "blocks": blocks}


def lead_text(first: dict[str, Any], second: dict[str, Any], metric: str, folds: int, repeats: int) -> str:
    """Describe the winner's lead and if the second is inside the winner's interval."""
    lead = abs(first["metrics"][metric] - second["metrics"][metric])
    low, high = mean_interval(first["metrics"][metric], first["metrics"].get(f"{metric}_std"), folds, repeats)
    text = f"{first['name']} won by {lead:.4f} before {second['name']}"
    if low is None or high is None:
        return f"{text}."
    inside = low <= second["metrics"][metric] <= high
    return f"{text}, which lies {'inside' if inside else 'outside'} the winner's interval" + (
        ": on other folds it might have been the other way round." if inside else "."
    )


def results_section(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Tabulate the test metrics with intervals, beside those of the production model."""
    before, intervals = evaluation.get("production") or {}, evaluation.get("intervals") or {}
    rows = []
    for name, value in evaluation["metrics"].items():
        row = [name, show_value(value), show_range(*intervals.get(name, (None, None)))]
        rows.append([*row, show_value(before.get(name))] if before else row)
    head = ["metric", "value", "95 % interval", *(["production, same rows"] if before else [])]
    text = "Measured once, on rows that no model has seen."
    if evaluation["threshold"] is not None:
        text += f" Rows scored {evaluation['threshold']:.4f} or more are called positive; that threshold was chosen on "
        text += "training rows."
    return {
        "title": "Test results",
        "blocks": [{"kind": "text", "text": text}, {"kind": "table", "head": head, "rows": rows}],
    }


def other_sections(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """Build a section for each further key of the evaluation, as a table or text."""
    known = {"metrics", "intervals", "threshold", "production", "profit_threshold", "promoted", "reason"}
    sections = []
    for key, value in evaluation.items():
        if key not in known and value not in (None, "", [], {}):
            title = key.replace("_", " ").capitalize()
            sections.append({"title": title, "blocks": value_blocks(value)})
    return sections


def value_blocks(value: Any) -> list[dict[str, Any]]:
    """Convert plain values to blocks; values too deep for a table get a table with a heading."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        head = list(dict.fromkeys(name for row in value for name in row))
        most = 40
        rows = [[show_value(row.get(name)) for name in head] for row in value[:most]]
        more = [{"kind": "text", "text": f"and {len(value) - most} more rows"}] if len(value) > most else []
        return [{"kind": "table", "head": head, "rows": rows}, *more]
    if not isinstance(value, dict):
        return [{"kind": "text", "text": show_value(value)}]
    if all(isinstance(row, dict) and not any(isinstance(x, dict) for x in row.values()) for row in value.values()):
        return value_blocks([{"": name, **row} for name, row in value.items()])
    nested = {name: one for name, one in value.items() if isinstance(one, dict) or holds_rows(one)}
    flat = [[name, show_value(one)] for name, one in value.items() if name not in nested]
    blocks = [{"kind": "table", "head": [], "rows": flat}] if flat else []
    for name, one in nested.items():
        blocks += [{"kind": "heading", "text": name}, *value_blocks(one)]
    return blocks


def holds_rows(value: Any) -> bool:
    """Return True for a non-empty list of dictionaries."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def limits_section(dataset: dict[str, Any], evaluation: dict[str, Any]) -> dict[str, Any]:
    """List the limits of the numbers."""
    of_numbers = evaluation["threshold"] is None
    name = "test_r2" if of_numbers else "test_roc_auc"
    low, high = (evaluation.get("intervals") or {}).get(name, (None, None))
    width = f": for {name} it is {high - low:.3f} wide" if low is not None and high is not None else ""
    texts = [
        f"The test set has {dataset['test_rows']} rows; how sure a metric is, its interval tells{width}.",
        "Train and test rows were drawn at random from one file: those of another time or place may be otherwise.",
        "A category that the model has not met counts as none of the known ones: many of them, and scores mean little.",
    ]
    classes = [
        "The model tells who resembles customers that left, not why they left, nor whom an offer would keep.",
        "The threshold maximises F1 on training rows; where a lost customer and an offer have prices, choose by these.",
    ]
    numbers = [
        "A number beyond those of the training rows is predicted badly: trees never say more than they have seen.",
        "The model tells what goes together in these rows, not what would change the target if it were changed.",
    ]
    return {"title": "Limits", "blocks": [{"kind": "list", "items": [*texts, *(numbers if of_numbers else classes)]}]}


def usage_section(entry: Any, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Show how to load the model and how to score rows with it."""
    version = model_value(entry, "version") or str(entry.id)
    command = f"flows models predict {shlex.quote(entry.name)} rows.csv -o scored.csv --version {version}"
    code = f"from clearml_flows import load_model\n\nmodel = load_model({entry.name!r}, version={version!r})\n"
    code += f"model.pipeline.{'predict' if evaluation['threshold'] is None else 'predict_proba'}(rows[model.columns])"
    text = "The file is read only if its sha256 is the registered one and it holds no type but those of our models."
    blocks = [{"kind": "code", "text": command}, {"kind": "code", "text": code}, {"kind": "text", "text": text}]
    return {"title": "How to use it", "blocks": blocks}


def mean_interval(mean: float, std: float | None, folds: int, repeats: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean over folds x repeats scores; (None, None) if unknown.

    The variance is Nadeau and Bengio's for scores whose training rows overlap: (1/n + 1/(folds - 1)) s², not s²/n.
    """
    if std is None or folds < 2:
        return None, None
    n = folds * repeats
    spread = std * (n / (n - 1)) ** 0.5 * (1 / n + 1 / (folds - 1)) ** 0.5
    reach = float(t.ppf(0.975, n - 1)) * spread
    return mean - reach, mean + reach


def show_value(value: Any) -> str:
    """Format a value for people: four decimals, fewer for large numbers, empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1e6 else f"{value:.6g}"
    return ", ".join(map(show_value, value)) if isinstance(value, list) else str(value)


def show_range(low: float | None, high: float | None) -> str:
    """Format an interval; empty if it is unknown."""
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
