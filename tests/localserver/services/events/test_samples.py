import pytest

from tests.support.api import Api, Json, Refused


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    for kind in ("training_debug_image", "plot"):
        api.batch(
            "events.add_batch",
            *(
                {"type": kind, "task": task, "metric": metric, "variant": variant, "iter": at}
                for metric in "mn"
                for variant in "ab"
                for at in range(3)
            ),
        )
    return task


def place(answer: Json) -> str:
    event = answer["event"]
    return f"{event['iter']}{event['metric']}{event['variant']}" if event else ""


def walk(api: Api, task: str, answer: Json, **how: object) -> list[str]:
    """Where one gets, step by step, until there is nothing more."""
    places = []
    for _ in range(20):
        answer = api("events.next_debug_image_sample", task=task, scroll_id=answer["scroll_id"], **how)
        if not place(answer):
            break
        places.append(place(answer))
    return places


def test_the_last_image_or_that_of_an_iteration(api: Api, task: str) -> None:
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="a")
    assert (place(answer), answer["min_iteration"], answer["max_iteration"]) == ("2ma", 0, 2)
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="a", iteration=1)
    assert place(answer) == "1ma"
    answer = api("events.get_debug_image_sample", task=task, metric="m", variant="a", iteration=7)
    assert place(answer) == ""


def test_walking_through_a_metric_or_all_of_them(api: Api, task: str) -> None:
    start = api("events.get_debug_image_sample", task=task, metric="m", variant="a", iteration=1)
    assert walk(api, task, start) == ["0mb", "0ma"]
    assert walk(api, task, start, navigate_earlier=False) == ["1mb", "2ma", "2mb"]
    assert walk(api, task, start, next_iteration=True) == ["0ma"]
    everywhere = api(
        "events.get_debug_image_sample",
        task=task,
        metric="m",
        variant="a",
        iteration=2,
        navigate_current_metric=False,
    )
    assert walk(api, task, everywhere, navigate_earlier=False) == ["2mb", "2na", "2nb"]


def test_plots_are_shown_a_metric_at_a_time(api: Api, task: str) -> None:
    answer = api("events.get_plot_sample", task=task, metric="m")
    assert [(event["iter"], event["variant"]) for event in answer["events"]] == [(2, "a"), (2, "b")]
    answer = api("events.next_plot_sample", task=task, scroll_id=answer["scroll_id"])
    assert [(event["iter"], event["variant"]) for event in answer["events"]] == [(1, "a"), (1, "b")]
    assert api("events.get_plot_sample", task=task, metric="none")["events"] == []


@pytest.mark.parametrize("scroll_id", ["x", "W10=", "WzEsIDIsIDMsIDRd"])
def test_a_scroll_id_of_somebody_else_is_refused(api: Api, task: str, scroll_id: str) -> None:
    with pytest.raises(Refused) as refused:
        api("events.next_debug_image_sample", task=task, scroll_id=scroll_id)
    assert refused.value.code == (400, 16)
