"""Tables and figures of an experiment hold the numbers that they should."""

import json
from typing import Any

import numpy as np
import pytest

from clearml_flows.tabular.training.experiment_plots import (
    classification_table,
    confusion_table,
    experiment_figures,
    importance_figure,
    leaderboard_table,
    learning_figure,
)

Y = np.array([0, 0, 0, 0, 1, 1])
P = np.array([0.1, 0.2, 0.3, 0.8, 0.9, 0.4])


def rows_of(figure: dict[str, Any]) -> list[list[str]]:
    return [list(row) for row in zip(*figure["data"][0]["cells"]["values"], strict=True)]


def test_confusion_table() -> None:
    assert rows_of(confusion_table(Y, P, 0.5)) == [
        ["negative", "3 (75.0%)", "1 (25.0%)", "4"],
        ["positive", "1 (50.0%)", "1 (50.0%)", "2"],
    ]


def test_classification_table() -> None:
    rows = rows_of(classification_table(Y, P, 0.5))
    assert rows[0] == ["negative", "0.7500", "0.7500", "0.7500", "4"]
    assert rows[1] == ["positive", "0.5000", "0.5000", "0.5000", "2"]
    assert [row[0] for row in rows] == ["negative", "positive", "macro avg", "weighted avg"]
    assert rows_of(classification_table(Y, P, 0.95))[1][1] == "0.0000"


@pytest.mark.parametrize("kind", ["impurity", "log-odds", "permutation"])
def test_importance_figure_is_short(kind: str) -> None:
    values = {f"column {number}": 1 / (number + 1) for number in range(60)}
    bars = importance_figure({"kind": kind, "values": values})["data"][0]
    assert (bars["x"][0], bars["y"][0], len(bars["x"])) == ("column 0", 1.0, 40)


def test_learning_figure() -> None:
    points = [{"rows": 10, "train": 0.9, "held_out": 0.7}, {"rows": 100, "train": 0.85, "held_out": 0.8}]
    lines = learning_figure(points, "roc_auc")["data"]
    assert {line["name"]: (line["x"], line["y"]) for line in lines} == {
        "fitted rows": ([10.0, 100.0], [0.9, 0.85]),
        "held out": ([10.0, 100.0], [0.7, 0.8]),
    }


def test_all_figures_are_json() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    result = {"y": y, "out_of_fold": rng.random(500), "threshold": 0.5}
    figures = experiment_figures({**result, "importance": {"kind": "impurity", "values": {"tenure": 1.0}}})
    assert len(figures) == 7
    assert len(json.dumps(figures, allow_nan=False)) < 60_000


@pytest.mark.parametrize(("metric", "first"), [("roc_auc", "good"), ("brier", "bad")])
def test_leaderboard_table_is_in_order_and_names_the_failed(metric: str, first: str) -> None:
    entries = [
        {"name": "broken", "status": "failed", "metrics": {}},
        *(
            {
                "name": name,
                "status": "completed",
                "metrics": {f"cv_{metric}": value, f"cv_{metric}_std": 0.01, "cv_f1_score": 0.6},
            }
            for name, value in (("bad", 0.7), ("good", 0.8))
        ),
    ]
    rows = rows_of(leaderboard_table(entries, metric, 5, 2))
    assert rows[0][0] == first
    assert rows[2][:2] == ["broken", "failed"]
    low, high = map(float, rows[0][3].split(" to "))
    assert low < float(rows[0][1]) < high
