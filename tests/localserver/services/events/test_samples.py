from collections.abc import Callable

import pytest

from tests.support.api import Api, Json


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    for kind in ("training_debug_image", "plot"):
        api.batch(
            "events.add_batch",
            *(
                {"type": kind, "task": task, "metric": metric, "variant": variant, "iter": at, "url": f"{metric}{at}"}
                for metric in "mn"
                for variant in "ab"
                for at in range(3)
            ),
        )
    return task


def image(answer: Json) -> str:
    event = answer["event"]
    return f"{event['iter']}{event['metric']}{event['variant']}" if event else ""


def plots(answer: Json) -> str:
    return " ".join(f"{event['iter']}{event['metric']}{event['variant']}" for event in answer["events"])


def walk(api: Api, task: str, answer: Json, show: Callable[[Json], str] = image, **how: object) -> list[str]:
    """The samples of a scroll, one after the other, until there is none."""
    endpoint = "events.next_debug_image_sample" if show is image else "events.next_plot_sample"
    shown = []
    while show(answer := api(endpoint, task=task, scroll_id=answer["scroll_id"], **how)):
        shown.append(show(answer))
    assert (answer["min_iteration"], answer["max_iteration"]) == (None, None)
    return shown


@pytest.mark.parametrize(("iteration", "expected"), [(None, "2ma"), (1, "1ma"), (7, "2ma"), (-1, "")])
def test_the_last_image_or_the_one_before_an_iteration(
    api: Api, task: str, iteration: int | None, expected: str
) -> None:
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="a", iteration=iteration)
    assert (image(answer), answer["min_iteration"], answer["max_iteration"]) == (expected, 0, 2)


def test_an_empty_sample_has_all_its_keys(api: Api, task: str) -> None:
    answer = api("events.get_debug_image_sample", task=task, metric="none", variant="a")
    assert {**answer, "scroll_id": ""} == {"scroll_id": "", "event": None, "min_iteration": None, "max_iteration": None}
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="none")
    assert image(answer) == ""
    assert walk(api, task, answer) == ["2mb", "2ma", "1mb", "1ma", "0mb", "0ma"]
    assert walk(api, task, answer, navigate_earlier=False) == ["0ma", "0mb", "1ma", "1mb", "2ma", "2mb"]
    answer = api("events.get_plot_sample", task=task, metric="none")
    assert {**answer, "scroll_id": ""} == {"scroll_id": "", "events": [], "min_iteration": None, "max_iteration": None}


def test_walking_through_the_images_of_a_metric_or_of_all(api: Api, task: str) -> None:
    start = api("events.get_debug_image_sample", task=task, metric="m", variant="a", iteration=1)
    assert walk(api, task, start) == ["0mb", "0ma"]
    assert walk(api, task, start, navigate_earlier=False) == ["1mb", "2ma", "2mb"]
    # To another iteration: its last variant when going back, its first one when going on.
    assert walk(api, task, start, next_iteration=True) == ["0mb"]
    assert walk(api, task, start, next_iteration=True, navigate_earlier=False) == ["2ma"]
    request: Json = {"task": task, "metric": "m", "variant": "a", "iteration": 1, "navigate_current_metric": False}
    everywhere = api("events.get_debug_image_sample", **request)
    assert walk(api, task, everywhere) == ["0nb", "0na", "0mb", "0ma"]
    assert walk(api, task, everywhere, navigate_earlier=False) == ["1mb", "1na", "1nb", "2ma", "2mb", "2na", "2nb"]


def test_walking_through_plots_a_metric_at_a_time(api: Api, task: str) -> None:
    start = api("events.get_plot_sample", task=task, metric="m")
    assert (plots(start), start["min_iteration"], start["max_iteration"]) == ("2ma 2mb", 0, 2)
    assert walk(api, task, start, plots) == ["1ma 1mb", "0ma 0mb"]
    assert walk(api, task, start, plots, navigate_earlier=False) == []
    everywhere = api("events.get_plot_sample", task=task, metric="n", iteration=1, navigate_current_metric=False)
    assert walk(api, task, everywhere, plots) == ["1ma 1mb", "0na 0nb", "0ma 0mb"]
    assert walk(api, task, everywhere, plots, next_iteration=True) == ["0na 0nb"]
    assert walk(api, task, everywhere, plots, navigate_earlier=False) == ["2ma 2mb", "2na 2nb"]


def test_images_that_were_written_over_are_out_of_reach(api: Api) -> None:
    task = api.task()
    event = {"type": "training_debug_image", "task": task, "metric": "m", "variant": "v"}
    api.batch("events.add_batch", *({**event, "iter": at, "url": f"http://x/{at % 4}"} for at in range(10)))
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="v", iteration=7)
    assert (answer["min_iteration"], answer["max_iteration"]) == (6, 9)
    assert walk(api, task, answer) == ["6mv"]
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="v", iteration=5)
    assert (image(answer), answer["min_iteration"]) == ("", 6)


def test_a_scroll_knows_what_was_there_when_it_began(api: Api, task: str) -> None:
    start = api("events.get_debug_image_sample", task=task, metric="m", variant="a")
    event: Json = {"type": "training_debug_image", "task": task, "metric": "m", "variant": "c", "url": "new"}
    api("events.add", **event, iter=2)
    request: Json = {"task": task, "metric": "m", "variant": "c", "scroll_id": start["scroll_id"]}
    assert image(api("events.get_debug_image_sample", **request)) == ""
    assert image(api("events.get_debug_image_sample", **request, refresh=True)) == "2mc"


@pytest.mark.parametrize("endpoint", ["events.next_plot_sample", "events.next_debug_image_sample"])
def test_the_next_sample_needs_a_scroll(api: Api, task: str, endpoint: str) -> None:
    refused = api.refusal(endpoint, task=task)
    assert refused is not None
    assert refused.code == (400, 1104)


@pytest.mark.parametrize("other", [{"metric": "n"}, {"navigate_current_metric": False}, {"task": "other"}])
def test_a_scroll_of_other_samples_is_refused(api: Api, task: str, other: Json) -> None:
    start = api("events.get_plot_sample", task=task, metric="m")
    if "task" in other:
        other = {"task": api.task("other")}
    refused = api.refusal(
        "events.get_plot_sample", **{"task": task, "metric": "m", **other}, scroll_id=start["scroll_id"]
    )
    assert refused is not None
    assert refused.code == (400, 1104)
