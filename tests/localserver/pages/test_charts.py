import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.localserver.pages.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MAX_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Series,
    chart,
    thinned,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
points = st.lists(st.tuples(finite, finite), max_size=6)


@given(st.lists(st.tuples(points, st.sampled_from(["line", "points", "bars"])), max_size=3))
def test_everything_is_drawn_inside_the_axes(found: list[tuple[list[tuple[float, float]], str]]) -> None:
    drawn = chart("t", [Series("s", one, kind) for one, kind in found])
    for one in drawn.drawn:
        places = [*one.dots, *((x, y) for x, y, _, _ in one.bars)]
        places += [tuple(map(float, pair.split(","))) for pair in one.line.split()]  # type: ignore[misc]  # two each
        for x, y in places:
            assert LEFT - 1 <= x <= WIDTH - RIGHT + 1
            assert TOP - 1 <= y <= HEIGHT - BOTTOM + 1
    for position, label in (*drawn.x_ticks, *drawn.y_ticks):
        assert math.isfinite(position)
        assert label


def test_higher_values_stand_higher_and_later_ones_further_right() -> None:
    one = chart("t", [Series("s", [(0, 1), (10, 5)])]).drawn[0]
    (x1, y1), (x2, y2) = (map(float, pair.split(",")) for pair in one.line.split())
    assert x1 < x2
    assert y1 > y2


def test_bars_of_several_series_stand_side_by_side_on_zero() -> None:
    series = [Series(name, [(0, height), (1, 2 * height)], "bars") for name, height in (("a", 1), ("b", -1))]
    first, second = chart("t", series, ["x", "y"]).drawn
    assert first.bars[0][0] + first.bars[0][2] <= second.bars[0][0] + 0.2
    zero = first.bars[0][1] + first.bars[0][3]
    assert second.bars[0][1] == pytest.approx(zero, abs=0.2)


def test_ticks_are_round_numbers_or_the_categories() -> None:
    assert [label for _, label in chart("t", [Series("s", [(0, 0), (10, 1)])]).x_ticks] == [
        "0",
        "2",
        "4",
        "6",
        "8",
        "10",
    ]
    assert [label for _, label in chart("t", [Series("s", [(0, 0), (1, 1)])], ["no", "yes"]).x_ticks] == ["no", "yes"]


def test_names_that_would_overlap_are_slanted_and_have_room() -> None:
    bars = [Series("s", [(float(index), 1.0) for index in range(28)], "bars")]
    long = chart("t", bars, [f"InternetService{index}" for index in range(28)])
    assert (long.slanted, len(long.x_ticks)) == (True, 28)
    assert (long.height - long.bottom, long.height > HEIGHT) == (HEIGHT - BOTTOM, True)
    assert not chart("t", bars, list("abcdefghijklmnopqrstuvwxyz12")).slanted


def test_many_points_are_thinned_and_the_last_is_kept() -> None:
    many = [(float(index), 0.0) for index in range(100_000)]
    few = thinned(many)
    assert len(few) <= MAX_POINTS + 1
    assert few[-1] == many[-1]
