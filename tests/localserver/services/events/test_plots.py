import pytest

from tests.support.api import Api, Json, Refused


@pytest.fixture
def task(api: Api) -> str:
    task = api.task("pictures")
    for kind, content in (("training_debug_image", {"url": "http://x/i.png"}), ("plot", {"plot_str": "{}"})):
        api.batch(
            "events.add_batch",
            *(
                {"type": kind, "task": task, "metric": "m", "variant": variant, "iter": at, **content}
                for variant in "ab"
                for at in range(5)
            ),
        )
    return task


def shown(answer: Json) -> list[tuple[int, str]]:
    (of_task,) = answer["metrics"]
    return [(item["iter"], event["variant"]) for item in of_task["iterations"] for event in item["events"]]


def test_the_plots_of_the_last_iterations(api: Api, task: str) -> None:
    answer = api("events.get_task_plots", task=task, iters=2, no_scroll=True)
    assert [(plot["variant"], plot["iter"]) for plot in answer["plots"]] == [("a", 4), ("a", 3), ("b", 4), ("b", 3)]
    assert (answer["returned"], answer["total"]) == (4, 4)
    answer = api("events.get_task_plots", task=task)
    assert answer["returned"] == 2
    assert api("events.get_task_plots", task=task, scroll_id=answer["scroll_id"])["plots"] == []


def test_the_plots_of_several_tasks(api: Api, task: str) -> None:
    plots = api("events.get_multi_task_plots", tasks=[task])["plots"]
    assert plots["m"]["a"][task]["4"]["name"] == "pictures"
    assert len(plots["m"]["a"][task]["4"]["plots"]) == 1


@pytest.mark.parametrize("endpoint", ["events.debug_images", "events.plots"])
def test_images_iteration_by_iteration(api: Api, task: str, endpoint: str) -> None:
    request: Json = {"metrics": [{"task": task, "metric": "m", "variants": ["a"]}], "iters": 2}
    first = api(endpoint, **request)
    assert shown(first) == [(4, "a"), (3, "a")]
    second = api(endpoint, **request, scroll_id=first["scroll_id"])
    assert shown(second) == [(2, "a"), (1, "a")]
    third = api(endpoint, **request, scroll_id=second["scroll_id"])
    assert shown(third) == [(0, "a")]
    assert shown(api(endpoint, **request, scroll_id=third["scroll_id"])) == []
    kind, content = ("plot", {"plot_str": ""}) if endpoint == "events.plots" else ("training_debug_image", {})
    api("events.add", type=kind, task=task, metric="m", variant="a", iter=5, **content)
    later = api(endpoint, **request, scroll_id=third["scroll_id"], navigate_earlier=False)
    assert shown(later) == [(5, "a")]
    assert shown(api(endpoint, **request, scroll_id=third["scroll_id"], refresh=True)) == [(5, "a"), (4, "a")]


def test_no_metric_stands_for_all(api: Api, task: str) -> None:
    assert shown(api("events.debug_images", metrics=[{"task": task}])) == [(4, "a"), (4, "b")]


@pytest.mark.parametrize(
    "request_",
    [
        {"metrics": [{"task": "nope"}]},
        {"metrics": [{}]},
        {"metrics": [{"task": 5}]},
        {"metrics": [], "scroll_id": "x"},
        {"metrics": [], "scroll_id": "W10="},
        {"metrics": [], "scroll_id": "eyJhIjogMX0="},
    ],
)
def test_what_cannot_be_shown_is_refused(api: Api, request_: Json) -> None:
    with pytest.raises(Refused) as refused:
        api("events.debug_images", **request_)
    assert refused.value.code[0] == 400
