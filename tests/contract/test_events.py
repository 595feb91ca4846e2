"""Events of tasks and models: the console, scrolls, curves, samples of images and plots, summaries, refusals."""

from typing import Any

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("events", f"{server.project}/events")


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


def test_each_event_of_a_batch_is_added_or_refused(told: Told) -> None:
    assert told["added"] == {"added": 38, "errors": 2, "errors_info": [1, 1]}


def test_the_console_is_read_in_both_directions(told: Told) -> None:
    # A page has all lines of its last millisecond; the time to start from is not in it.
    expected = {"last": "4567", "first": "0123", "before": "23", "after": "67", "behind the end": ""}
    assert told["console"] == expected


def test_raw_scalars_keep_the_size_of_pages_and_the_total(told: Told) -> None:
    assert told["raw"] == [
        [7, 20, [0, 1, 2, 3, 4, 5, 6]],
        [7, 20, [7, 8, 9, 10, 11, 12, 13]],
        [6, 20, [14, 15, 16, 17, 18, 19]],
        [0, 20, None],
    ]


def test_curves_are_averaged_over_intervals_and_know_their_axis(told: Told) -> None:
    label = {"x_axis_label": "epochs"}
    sampled = {"name": "reports", "x": [0, 5, 10, 15], "y": [2.0, 7.0, 12.0, 17.0], **label}
    assert told["curves"]["sampled"] == sampled
    assert told["curves"]["of model"] == {"loss": {"m": {"name": "m", "x": [3], "y": [2.0], **label}}}


def test_images_come_page_by_page_without_those_written_over(told: Told) -> None:
    both, kept = ["kept", "over"], ["kept"]
    assert told["iterations"] == [
        [[5, both], [4, both]],
        [[3, kept], [2, kept]],
        [[5, both], [4, both]],
        [[5, both], [4, both]],
    ]


def test_images_one_after_the_other(told: Told) -> None:
    assert told["images"] == [
        [4, "faces", "kept", 0, 5],
        [3, "faces", "kept", 0, 5],
        [2, "faces", "kept", 0, 5],
        [3, "faces", "kept", 0, 5],
        [4, "faces", "kept", 0, 5],
        [None, None],
    ]


def test_plots_a_metric_at_a_time(told: Told) -> None:
    assert told["plots"] == [
        [1, "tree", "v", 0, 2],
        [1, "roc", "v", 0, 2],
        [0, "tree", "v", 0, 2],
        [1, "roc", "v", 0, 2],
        [2, "roc", "v", 0, 2],
        [["roc"], ["2"], 1],
    ]


def test_metrics_of_all_types_of_events(told: Told) -> None:
    assert told["metrics"] == [
        ["", [""]],
        ["Summary", ["auc"]],
        ["faces", ["kept", "over"]],
        ["loss", ["a", "b"]],
        ["roc", ["v"]],
        ["tree", ["v"]],
    ]


def test_the_summary_of_a_scalar(told: Told) -> None:
    assert told["summary"] == {
        "metric": "loss",
        "variant": "b",
        "value": 19,
        "min_value": 0,
        "min_value_iteration": 0,
        "max_value": 19,
        "max_value_iteration": 19,
        "first_value": 0,
        "first_value_iteration": 0,
        "count": 20,
        "mean_value": 9.5,
        "x_axis_label": "epochs",
        "last_iteration": 19,
    }


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("unknown task", 101),
        ("unknown model", 201),
        ("a model's id", 101),
        ("no tasks", 12),
        ("scroll", 1104),
        ("sample", 1104),
        ("samples", 12),
    ],
)
def test_requests_that_are_refused(told: Told, request_: str, code: int) -> None:
    assert told["refused"][request_] == [400, code]


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("console", ["6", "7"]),
        ("single", {"auc": 0.5}),
        ("scalars", {"name": "a", "x": list(range(20)), "y": list(range(20)), "x_axis_label": "epochs"}),
        ("all scalars", list(range(20))),
        ("plots", [["roc", 1], ["roc", 2], ["tree", 1], ["tree", 2]]),
        ("samples", [5, 4]),
    ],
)
def test_the_sdk_reads_what_was_reported(told: Told, reader: str, expected: Any) -> None:
    assert told["sdk"][reader] == expected


def test_the_console_is_a_file(told: Told) -> None:
    assert told["download"] == [f"info: {number}" for number in range(8)]


def test_events_are_deleted_by_their_number(told: Told) -> None:
    assert told["cleared"] == [8, 59, 0]
