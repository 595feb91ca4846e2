from collections.abc import Sequence

import pytest

from tests.support.api import Api, Json, Refused

ENDPOINTS = {"events.debug_images": "training_debug_image", "events.plots": "plot"}


def report(api: Api, endpoint: str, task: str, variant: str, iterations: Sequence[int], kept: int = 1000) -> None:
    """Report iterations of a variant of which only the last `kept` pictures are kept."""
    event = {"type": ENDPOINTS[endpoint], "task": task, "metric": "m", "variant": variant}
    events = ({**event, "iter": at, "url": f"http://x/{variant}{at % kept}", "plot_str": "{}"} for at in iterations)
    api.batch("events.add_batch", *events)


def shown(answer: Json) -> list[tuple[int, str]]:
    (of_task,) = answer["metrics"]
    return [(item["iter"], event["variant"]) for item in of_task["iterations"] for event in item["events"]]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_iterations_page_by_page_and_back(api: Api, endpoint: str) -> None:
    task = api.task()
    report(api, endpoint, task, "a", range(5))
    report(api, endpoint, task, "b", range(5))
    request: Json = {"metrics": [{"task": task, "metric": "m", "variants": ["a"]}], "iters": 2}
    first = api(endpoint, **request, navigate_earlier=False)
    assert shown(first) == [(4, "a"), (3, "a")]
    second = api(endpoint, **request, scroll_id=first["scroll_id"])
    assert shown(second) == [(2, "a"), (1, "a")]
    third = api(endpoint, **request, scroll_id=second["scroll_id"])
    assert shown(third) == [(0, "a")]
    fourth = api(endpoint, **request, scroll_id=third["scroll_id"])
    assert shown(fourth) == []
    back = api(endpoint, **request, scroll_id=fourth["scroll_id"], navigate_earlier=False)
    assert shown(back) == [(2, "a"), (1, "a")]
    report(api, endpoint, task, "a", [5])
    assert shown(api(endpoint, **request, scroll_id=third["scroll_id"], refresh=True)) == [(5, "a"), (4, "a")]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_variants_that_come_later_show_up_with_a_refresh(api: Api, endpoint: str) -> None:
    task = api.task()
    empty = api(endpoint, metrics=[{"task": task}])
    assert empty["metrics"] == [{"task": task, "iterations": []}]
    report(api, endpoint, task, "a", [1])
    assert shown(api(endpoint, metrics=[{"task": task}], scroll_id=empty["scroll_id"])) == []
    answer = api(endpoint, metrics=[{"task": task}], scroll_id=empty["scroll_id"], refresh=True)
    assert shown(answer) == [(1, "a")]


def test_pictures_that_were_written_over_are_left_out(api: Api) -> None:
    task = api.task()
    report(api, "events.debug_images", task, "a", range(10), kept=2)
    report(api, "events.debug_images", task, "b", range(10), kept=3)
    answer = api("events.debug_images", metrics=[{"task": task}], iters=10)
    assert shown(answer) == [(9, "a"), (9, "b"), (8, "a"), (8, "b"), (7, "b")]


def test_events_without_a_picture_are_left_out(api: Api) -> None:
    task = api.task()
    report(api, "events.debug_images", task, "a", [1])
    api("events.add", type="training_debug_image", task=task, metric="m", variant="b", iter=2)
    assert shown(api("events.debug_images", metrics=[{"task": task}], iters=5)) == [(1, "a")]


def test_iterations_of_a_model(api: Api) -> None:
    model = api.model(ready=False)
    api("events.add", type="plot", task=model, metric="m", variant="v", iter=1, plot_str="{}", model_event=True)
    assert shown(api("events.plots", metrics=[{"task": model}], model_events=True)) == [(1, "v")]


@pytest.mark.parametrize("scroll_id", ["x", "W10="])
def test_an_unknown_scroll_begins_anew(api: Api, scroll_id: str) -> None:
    task = api.task()
    report(api, "events.plots", task, "a", [1])
    assert shown(api("events.plots", metrics=[{"task": task}], scroll_id=scroll_id)) == [(1, "a")]


@pytest.mark.parametrize("request_", [{"metrics": [{}]}, {"metrics": [{"task": 5}]}, {"metrics": []}])
def test_what_cannot_be_shown_is_refused(api: Api, request_: Json) -> None:
    with pytest.raises(Refused) as refused:
        api("events.debug_images", **request_)
    assert refused.value.code[0] == 400
