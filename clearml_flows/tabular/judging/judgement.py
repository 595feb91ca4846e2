"""Judge the candidate and the production model on the test rows: numbers, tables and plots.

A scored model is the result of `score_model`.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.judging.bootstrap import bootstrap_metrics, paired_differences, percentile_intervals
from clearml_flows.tabular.judging.calibration import calibration_facts, reliability_table
from clearml_flows.tabular.judging.delong import delong_test
from clearml_flows.tabular.judging.lift import lift_figures, lift_table
from clearml_flows.tabular.judging.profit import Prices, profit_figure, profit_table
from clearml_flows.tabular.judging.segments import segment_events, segment_table
from clearml_flows.tabular.report.plots import (
    calibration_figure,
    confusion_figure,
    precision_recall_figure,
    roc_figure,
)
from clearml_flows.tabular.report.regression_plots import fit_figures
from clearml_flows.tabular.report.table_figure import table_figure
from clearml_flows.tabular.reporting import figure_events, send_report, single_events, value_events


def judge_models(
    scored: dict[str, Any],
    production: dict[str, Any] | None,
    rows: Any,
    specs: list[dict[str, Any]],
    least: int,
    prices: Prices,
    profit_threshold: float | None,
    rounds: int,
    seed: int,
) -> dict[str, Any]:
    """Compute the evaluation of both models as plain numbers.

    Args:
        scored: the candidate.
        production: the production model, scored on the same rows, or None.
        rows: the test rows.
        specs: the specifications of the segments.
        least: the rows that a segment needs for its ROC-AUC.
        prices: the prices of the settings.
        profit_threshold: the threshold with the highest profit on training rows, out of fold, or None.
        rounds: the number of bootstrap rounds.
        seed: the seed of the random draws.

    Returns:
        `intervals` of the candidate's metrics; `production_intervals` and `comparison`, empty without a production
        model. For classes, also the candidate's `calibration`, `lift`, `profit`, `segments` and
        `profit_threshold`; for numbers, its `residuals`.
    """
    y = scored["y"]
    drawn = bootstrap_metrics(y, [scored, production] if production else [scored], rounds, seed)
    intervals = [{f"test_{name}": edges for name, edges in percentile_intervals(one).items()} for one in drawn]
    told = {
        "intervals": intervals[0],
        "comparison": comparison_table(scored, production, paired_differences(*drawn)) if production else [],
        "production_intervals": intervals[1] if production else {},
    }
    if scored["threshold"] is None:
        return {**told, "residuals": residual_facts(y, scored["p"])}
    return {**told, **judge_classes(scored, rows, specs, least, prices, profit_threshold, seed)}


def judge_classes(
    scored: dict[str, Any],
    rows: Any,
    specs: list[dict[str, Any]],
    least: int,
    prices: Prices,
    profit_threshold: float | None,
    seed: int,
) -> dict[str, Any]:
    """Compute the part of `judge_models` that applies to classification only."""
    y, p = scored["y"], scored["p"]
    return {
        "calibration": calibration_facts(y, p, seed),
        "segments": segment_table(y, p, scored["threshold"], rows, specs, least),
        "lift": lift_table(y, p),
        "profit": profit_table(y, scored, profit_threshold, *prices),
        "profit_threshold": profit_threshold,
    }


def residual_facts(y: Any, p: Any) -> dict[str, float]:
    """Return mean, deviation and quantiles of true less predicted, and the share within 0.5."""
    residuals = y - p
    quantiles = {f"quantile_{share:g}": float(np.quantile(residuals, share)) for share in (0.05, 0.25, 0.5, 0.75, 0.95)}
    return {
        "mean": float(residuals.mean()),
        "standard_deviation": float(residuals.std()),
        **quantiles,
        "share_within_half": float((abs(residuals) <= 0.5).mean()),
    }


def comparison_table(
    scored: dict[str, Any], production: dict[str, Any], differences: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    """Return each metric of both models with difference, 95 % interval and p-value.

    The ROC-AUC has a second row with DeLong's test.
    """
    table = []
    for name, paired in differences.items():
        both = [model["metrics"][f"test_{name}"] for model in (scored, production)]
        values = {"candidate": both[0], "production": both[1], "difference": both[0] - both[1], **paired}
        table.append({"metric": f"test_{name}", "test": "paired bootstrap", **values})
    area = next((one for one in table if one["metric"] == "test_roc_auc"), None)
    if area is None:
        return table
    return [*table, {**area, "test": "DeLong", **delong_test(scored["y"], scored["p"], production["p"])}]


def judgement_values(
    scored: dict[str, Any], production: dict[str, Any] | None, judged: dict[str, Any], rules: list[dict[str, Any]]
) -> dict[str, float]:
    """Collect the numbers to report.

    These are the metrics of both models with interval ends, calibration and profit or residuals, and 1 or 0 for each
    rule of the gate.
    """
    values = dict(scored["metrics"])
    before = production["metrics"] if production else {}
    values |= {f"production_{name}": value for name, value in before.items()}
    for prefix, intervals in (("", judged["intervals"]), ("production_", judged["production_intervals"])):
        for name, (low, high) in intervals.items():
            values |= {f"{prefix}{name}_low": low, f"{prefix}{name}_high": high}
    values |= (
        class_values(scored["threshold"], judged)
        if "calibration" in judged
        else {f"residual_{name}": value for name, value in judged["residuals"].items()}
    )
    return values | {f"gate_{one['rule']}": float(one["passed"]) for one in rules}


def class_values(threshold: float, judged: dict[str, Any]) -> dict[str, float]:
    """Collect the part of `judgement_values` that applies to classification only."""
    error = judged["calibration"]["expected_calibration_error"]
    values = {"threshold": threshold, "expected_calibration_error": error}
    decided, break_even, trained = judged["profit"][:3]
    values |= {"profit": decided["profit"], "profit_at_break_even": break_even["profit"]}
    if judged["profit_threshold"] is not None:
        values |= {"profit_threshold": judged["profit_threshold"], "profit_at_profit_threshold": trained["profit"]}
    return {**values, "lift_of_the_first_tenth": judged["lift"][0]["lift"]}


def tell_judgement(
    client: Any,
    task: Any,
    scored: dict[str, Any],
    production: dict[str, Any] | None,
    judged: dict[str, Any],
    rules: list[dict[str, Any]],
    prices: Prices,
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """Report numbers, curves and tables on the step's Task; return the numbers and the curves."""
    values = judgement_values(scored, production, judged, rules)
    figures, tables = judgement_figures(scored, production, prices), judgement_tables(scored, judged, rules)
    plots = figure_events({**figures, **tables})
    send_report(client, task.id, [*judgement_events(values), *plots, *segment_events(judged.get("segments", []))])
    return values, figures


def judgement_events(values: dict[str, float]) -> list[dict[str, Any]]:
    """Report all numbers as single values, and those worth plotting across runs as scalars too."""

    def is_detail(name: str) -> bool:
        return name.startswith("gate_") or name.endswith(("_low", "_high"))

    details = {name: value for name, value in values.items() if is_detail(name)}
    told = {name: value for name, value in values.items() if name not in details}
    return [*value_events(told), *single_events(details)]


def judgement_figures(
    scored: dict[str, Any], production: dict[str, Any] | None, prices: Prices
) -> dict[str, dict[str, Any]]:
    """Return the curves to report, with the production model's beside the candidate's."""
    y = scored["y"]
    scores = {"candidate": scored["p"], **({"production": production["p"]} if production else {})}
    if scored["threshold"] is None:
        return fit_figures(y, scores)
    return {
        "Confusion": confusion_figure(y, scored["p"], scored["threshold"]),
        "ROC": roc_figure(y, scores),
        "Precision and recall": precision_recall_figure(y, scores),
        "Calibration": calibration_figure(y, scores),
        **lift_figures({label: lift_table(y, p) for label, p in scores.items()}),
        **profit_figure(y, scores, *prices),
    }


def judgement_tables(
    scored: dict[str, Any], judged: dict[str, Any], rules: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the tables to report by title, without empty tables."""
    tables = {
        "Gate, rules": rules,
        "Comparison with production": judged["comparison"],
        "Segments": judged.get("segments"),
        "Lift by decile": judged.get("lift"),
        "Profit per 1,000 customers": judged.get("profit"),
        "Reliability": class_tables(scored).get("reliability"),
        "Residuals, true less predicted": [judged["residuals"]] if "residuals" in judged else [],
    }
    return {title: table_figure(rows) for title, rows in tables.items() if rows}


def class_tables(scored: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the reliability and lift tables for classes; {} for numbers."""
    if scored["threshold"] is None:
        return {}
    y, p = scored["y"], scored["p"]
    return {"reliability": reliability_table(y, p), "lift": lift_table(y, p)}


def save_judgement(
    task: Any,
    scored: dict[str, Any],
    production: dict[str, Any] | None,
    evaluation: dict[str, Any],
    figures: dict[str, dict[str, Any]],
) -> None:
    """Store evaluation, curves, reliability and lift tables as the artifact `evaluation.json`.

    Raises:
        RuntimeError: the backend did not store the artifact.
    """
    models = {"candidate": scored, **({"production": production} if production else {})}
    tables: dict[str, dict[str, Any]] = {}
    for label, one in models.items():
        for name, table in class_tables(one).items():
            tables.setdefault(name, {})[label] = table
    curves = {title: figure["data"] for title, figure in figures.items()}
    text = json.dumps({"evaluation": evaluation, **tables, "curves": curves}, allow_nan=False)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/evaluation.json"
        Path(path).write_text(text, "utf-8")
        save_artifact(task, "evaluation.json", path)
