import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.localserver.pages.plots import MAX_ROWS, Figure, read_figure, values


def read(*traces: dict[str, Any], **layout: Any) -> Figure:
    return read_figure("t", json.dumps({"data": traces, "layout": layout}), lambda _source: None)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_numbers_are_read_as_plotly_packs_them(kind: str) -> None:
    figure = json.loads(go.Figure(go.Heatmap(z=np.arange(6, dtype=kind).reshape(2, 3))).to_json())
    assert values(figure["data"][0]["z"]) == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "packed", [{"dtype": "f8", "bdata": "AAA"}, {"dtype": "O", "bdata": ""}, {"bdata": "AA=="}, {"dtype": "f8"}, "x"]
)
def test_numbers_that_cannot_be_unpacked_are_none(packed: Any) -> None:
    assert values(packed) == []


def test_lines_keep_their_names_and_axis_titles() -> None:
    found = read({"type": "scatter", "name": "roc", "x": [0, 1], "y": [0, 1]}, xaxis={"title": {"text": "fpr"}})
    assert [one.label for one in found.charts[0].drawn] == ["roc"]
    assert found.charts[0].x_title == "fpr"
    assert found.source == ""


def test_words_on_an_axis_become_categories_and_horizontal_bars_stand_upright() -> None:
    found = read({"type": "bar", "orientation": "h", "x": [3, 1], "y": ["tenure", "charges"]})
    assert [label for _, label in found.charts[0].x_ticks] == ["tenure", "charges"]
    assert found.charts[0].drawn[0].bars[0][3] > found.charts[0].drawn[0].bars[1][3]


def test_histogram_counts_its_values() -> None:
    found = read({"type": "histogram", "x": [0] * 3 + [10]})
    heights = [height for _, _, _, height in found.charts[0].drawn[0].bars]
    assert heights[0] == pytest.approx(3 * heights[-1], rel=0.01)
    assert sum(height > 0 for height in heights) == 2


def test_matrix_is_a_table_of_its_cells() -> None:
    found = read({"type": "heatmap", "z": [[9, 1], [2, 8]], "x": ["No", "Yes"], "y": ["a", "b"]})
    heat = found.heats[0]
    assert heat.columns == ["No", "Yes"]
    assert heat.rows == [("a", [("9", 9), ("1", 0)]), ("b", [("2", 1), ("8", 8)])]


def test_table_is_cut_and_its_markup_left_out() -> None:
    column = ["<b>x</b> <a href='y'>z</a> 1<2"] * (MAX_ROWS + 5)
    found = read({"type": "table", "header": {"values": ["<b>n</b>"]}, "cells": {"values": [column]}})
    table = found.tables[0]
    assert table.header == ["n"]
    assert table.rows[0] == ["x   z  1<2"]
    assert (len(table.rows), table.left_out) == (MAX_ROWS, 5)


def test_what_is_not_drawn_is_shown_as_it_was_reported() -> None:
    assert '"pie"' in read({"type": "pie", "values": [1]}).source
    assert read_figure("t", "no json", lambda _: None).source == "no json"
    assert read_figure("t", "[" * 100_000, lambda _: None).source.startswith("[[")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from(["scatter", "bar", "histogram", "heatmap", "table", "pie"])


@given(kinds, anything, anything, anything)
def test_any_json_is_read(kind: str, x: Any, y: Any, z: Any) -> None:
    read({"type": kind, "x": x, "y": y, "z": z, "name": x, "header": y, "cells": {"values": z}}, xaxis=x, images=z)
