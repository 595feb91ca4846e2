"""Figures as SVG."""

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from clearml_flows.tabular.report.charts import axis_ticks, svg_chart


def line(x: list[Any], y: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "y": y, "name": "one", **more}


def figure(*traces: dict[str, Any], x: str = "x", y: str = "y") -> dict[str, Any]:
    return {"data": list(traces), "layout": {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}}


def drawn(*traces: dict[str, Any]) -> ET.Element:
    return ET.fromstring(svg_chart(figure(*traces)))  # noqa: S314 - our own SVG, made a line above


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.03, 0.97, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 7, [-4, -2, 0, 2, 4, 6, 8]),
        (0, 12345, [0, 2500, 5000, 7500, 10000, 12500]),
    ],
)
def test_axis_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert axis_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("value", [0.0, 5.0, -2.0, 1e-9, 1e12])
def test_ticks_of_a_single_value_lie_around_it(value: float) -> None:
    ticks = axis_ticks(value, value)
    assert ticks[0] < value < ticks[-1]


def test_a_line_goes_from_corner_to_corner() -> None:
    (polyline,) = drawn(line([0, 1], [0, 1])).iter("polyline")
    assert polyline.get("points") == "56.0,238.0 452.0,10.0"


def test_bars_of_two_series_stand_side_by_side_on_the_zero_line() -> None:
    bar = {"type": "bar", "x": ["1", "2"], "y": [3.0, 1.0], "name": "a"}
    bars = list(drawn(bar, {**bar, "name": "b"}).iter("rect"))
    places = sorted((float(one.get("x", "")), float(one.get("width", ""))) for one in bars)
    assert len(places) == 4
    assert all(a + width <= b + 0.2 for (a, width), (b, _) in pairwise(places))
    assert {round(float(one.get("y", "")) + float(one.get("height", ""))) for one in bars} == {238}


def test_what_is_no_number_is_left_out() -> None:
    (polyline,) = drawn(line([0, 1, None, 3, 4], [0, float("nan"), 2, float("inf"), 4])).iter("polyline")
    assert len(polyline.get("points", "").split()) == 2


@pytest.mark.parametrize("traces", [[], [{"type": "heatmap", "z": [[1]]}], [line([], [])], [line([None], [1])]])
def test_nothing_to_draw_gives_nothing(traces: list[dict[str, Any]]) -> None:
    assert svg_chart(figure(*traces)) == ""


def test_texts_are_escaped() -> None:
    evil = "<script>alert(1)</script>\"'"
    made = svg_chart(figure({"type": "bar", "x": [evil], "y": [1.0], "name": evil}, x=evil, y=evil))
    assert "<script" not in made
    assert [label for label in re.findall('aria-label="([^"]*)"', made) if "<" in label] == []
    ET.fromstring(made)  # noqa: S314 - our own SVG, made three lines above
