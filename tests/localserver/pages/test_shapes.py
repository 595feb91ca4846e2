from typing import Any

import pytest

from clearml_flows.localserver.pages import shapes


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.12346"),
        (12, "12"),
        (1234567, "1234567"),
        (1e-9, "1e-09"),
        ("07", "07"),
        (None, ""),
        (True, "true"),
    ],
)
def test_numbers_are_shown_to_five_digits(value: Any, shown: str) -> None:
    assert shapes.shown_number(value) == shown


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "nan", "x", None, True, [], "1" * 400])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert shapes.number(value) is None


def test_dates_are_shown_in_utc() -> None:
    assert shapes.shown_moment("2026-01-02T03:04:05.678+02:00") == "2026-01-02 01:04:05"
    assert shapes.shown_moment("no date") == "no date"
    assert shapes.shown_moment(None) == ""
    assert shapes.shown_milliseconds(1_767_323_045_000) == "03:04:05"
    assert shapes.shown_milliseconds(1e300) == ""


def test_durations_and_sizes() -> None:
    assert shapes.shown_duration("2026-01-02T03:00:00+00:00", "2026-01-02T03:02:05+00:00") == "2 min 5 s"
    assert shapes.shown_duration("2026-01-02T03:00:00+00:00", "2026-01-02T03:00:01.500+00:00") == "1.5 s"
    assert shapes.shown_duration(None, None) == ""
    assert [shapes.shown_size(size) for size in (5, 2048, 3 * 1024**2, None)] == ["5 B", "2.0 KiB", "3.0 MiB", ""]


def test_texts_are_cut_and_can_always_be_sent() -> None:
    assert shapes.text("x" * 20, 10) == "x" * 10 + " …"
    assert shapes.text({"a": 1}) == '{"a": 1}'
    shapes.text("\ud800").encode()
