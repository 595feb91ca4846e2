import pytest

from tests.support.api import Api, Json, Refused


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    lines = [{"type": "log", "task": task, "timestamp": 1000 + number, "msg": str(number)} for number in range(10)]
    scalars = [
        {"type": "training_stats_scalar", "task": task, "metric": metric, "variant": "v", "iter": at, "value": at}
        for metric in "ab"
        for at in range(5)
    ]
    api.batch("events.add_batch", *lines, *scalars)
    return task


def pages(api: Api, task: str, **request: object) -> tuple[list[int], list[Json]]:
    """The sizes of the pages and all events of a scroll."""
    answer = api("events.get_task_events", task=task, **request)
    sizes, events = [], []
    while answer["returned"]:
        sizes.append(answer["returned"])
        events += answer["events"]
        again = {"batch_size": request["batch_size"], "scroll_id": answer["scroll_id"]}
        answer = api("events.get_task_events", task=task, **again)
    assert answer["events"] == []
    assert answer["total"] == len(events)
    return sizes, events


@pytest.mark.parametrize(("order", "expected"), [("asc", "0123456789"), ("desc", "9876543210")])
def test_console_lines_page_by_page(api: Api, task: str, order: str, expected: str) -> None:
    sizes, events = pages(api, task, event_type="log", order=order, batch_size=4)
    assert ("".join(event["msg"] for event in events), sizes) == (expected, [4, 4, 2])


def test_a_page_of_scalars_ends_with_an_iteration(api: Api, task: str) -> None:
    sizes, events = pages(api, task, event_type="training_stats_scalar", batch_size=3)
    assert [(event["iter"], event["metric"]) for event in events] == [(at, name) for at in range(5) for name in "ab"]
    assert sizes == [4, 4, 2]
    sizes, events = pages(api, task, metrics=[{"metric": "b"}], event_type="training_stats_scalar", batch_size=3)
    assert sizes == [3, 2]


def test_no_type_stands_for_all_of_them(api: Api, task: str) -> None:
    answer = api("events.get_task_events", task=task)
    assert (answer["returned"], answer["total"]) == (20, 20)
    assert {event["type"] for event in answer["events"]} == {"log", "training_stats_scalar"}
    assert api("events.get_task_events", task=task, count_total=False)["total"] is None


def test_the_scalars_of_one_metric(api: Api, task: str) -> None:
    answer = api("events.get_scalar_metric_data", task=task, metric="a")
    assert [event["value"] for event in answer["events"]] == [4, 3, 2, 1, 0]
    assert answer["total"] == 5
    rest = api("events.get_scalar_metric_data", task=task, metric="a", scroll_id=answer["scroll_id"])
    assert rest["events"] == []
    assert api("events.get_scalar_metric_data", task=task, metric="a", no_scroll=True)["scroll_id"] is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "get_task_events",
        "get_scalar_metric_data",
        "scalar_metrics_iter_raw",
        "next_plot_sample",
        "next_debug_image_sample",
        "get_multi_task_plots",
    ],
)
def test_a_scroll_id_of_somebody_else_is_refused(api: Api, task: str, endpoint: str) -> None:
    other = api("events.get_plot_sample", task=api.task(), metric="m")["scroll_id"]
    token = api.headers["Authorization"].split()[1]
    metric = {"metric": "a"} if endpoint == "scalar_metrics_iter_raw" else "a"
    for scroll_id in ("x", "ÿ", token, other):
        refused = api.refusal(f"events.{endpoint}", task=task, tasks=[task], metric=metric, scroll_id=scroll_id)
        assert refused is not None
        assert refused.code == (400, 1104)


@pytest.mark.parametrize("request_", [{"event_type": "gossip"}, {"event_type": "log", "batch_size": -1}])
def test_what_cannot_be_read_is_refused(api: Api, task: str, request_: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        api("events.get_task_events", task=task, **request_)
    assert refused.value.code == (400, 12)


@pytest.mark.parametrize(
    ("endpoint", "request_"),
    [
        ("get_task_events", {"task": "nope"}),
        ("get_scalar_metric_data", {"task": "nope", "metric": "m"}),
        ("scalar_metrics_iter_histogram", {"task": "nope"}),
        ("scalar_metrics_iter_raw", {"task": "nope", "metric": {"metric": "m"}}),
        ("multi_task_scalar_metrics_iter_histogram", {"tasks": ["nope"]}),
        ("get_task_single_value_metrics", {"tasks": ["nope"]}),
        ("get_task_latest_scalar_values", {"task": "nope"}),
        ("get_scalar_metrics_and_variants", {"task": "nope"}),
        ("get_vector_metrics_and_variants", {"task": "nope"}),
        ("vector_metrics_iter_histogram", {"task": "nope", "metric": "m", "variant": "v"}),
        ("get_task_metrics", {"tasks": ["nope"], "event_type": "log"}),
        ("get_multi_task_metrics", {"tasks": ["nope"]}),
        ("get_task_plots", {"task": "nope"}),
        ("get_multi_task_plots", {"tasks": ["nope"]}),
        ("debug_images", {"metrics": [{"task": "nope"}]}),
        ("plots", {"metrics": [{"task": "nope"}]}),
        ("get_debug_image_sample", {"task": "nope", "metric": "m", "variant": "v"}),
        ("next_debug_image_sample", {"task": "nope", "scroll_id": "x"}),
        ("get_plot_sample", {"task": "nope", "metric": "m"}),
        ("next_plot_sample", {"task": "nope", "scroll_id": "x"}),
    ],
)
def test_a_task_or_model_that_is_not_there_is_refused(api: Api, endpoint: str, request_: Json) -> None:
    codes = []
    for models in (False, True):
        refused = api.refusal(f"events.{endpoint}", **request_, model_events=models)
        assert refused is not None
        codes.append(refused.code)
    of_model = (400, 101) if endpoint == "get_task_latest_scalar_values" else (400, 201)
    assert codes == [(400, 101), of_model]
