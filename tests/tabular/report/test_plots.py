"""Figures hold readable numbers, few enough to draw."""

import json

import numpy as np
import pytest

from clearml_flows.tabular.report.plots import (
    calibration_figure,
    confusion_figure,
    make_line,
    precision_recall_figure,
    roc_figure,
)

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 1000)
P = np.clip(Y * 0.3 + RNG.random(1000) * 0.7, 0, 1)


def test_confusion_counts_the_rows() -> None:
    y, p = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.6, 0.2, 0.9, 0.3])
    assert confusion_figure(y, p, 0.5)["data"][0]["z"] == [[2, 1], [1, 1]]


@pytest.mark.parametrize("figure", [roc_figure, precision_recall_figure, calibration_figure])
def test_curves_of_two_models_are_json(figure: object) -> None:
    assert callable(figure)
    text = json.dumps(figure(Y, {"candidate": P, "production": 1 - P}), allow_nan=False)
    names = [line["name"].split(" ")[0] for line in json.loads(text)["data"]]
    assert names[:2] == ["candidate", "production"]
    assert len(text) < 40_000


def test_a_line_keeps_its_ends() -> None:
    line = make_line("x", list(range(1001)), list(range(1001)), points=10)
    assert (line["x"][0], line["x"][-1]) == (0, 1000)
    assert len(line["x"]) <= 12
    assert make_line("short", [1.0], [2.0])["y"] == [2.0]
