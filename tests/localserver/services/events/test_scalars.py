import pytest

from clearml_flows.localserver.services.events.sampling import intervals
from clearml_flows.localserver.store.events import Range
from tests.support.api import Api, Json, Refused

SINGLE = -(2**31)


def scalar(task: str, iteration: int, value: float, variant: str = "train", **more: object) -> Json:
    event: Json = {"type": "training_stats_scalar", "task": task, "metric": "loss", "variant": variant}
    return {**event, "iter": iteration, "value": value, **more}


@pytest.fixture
def task(api: Api) -> str:
    task = api.task("curves")
    scalars = [
        scalar(task, at, float(at), variant, timestamp=1_700_000_000_000 - at)
        for variant in ("train", "val")
        for at in range(100)
    ]
    api.batch("events.add_batch", *scalars)
    return task


def test_curves_by_iteration_and_by_time(api: Api, task: str) -> None:
    curve = api("events.scalar_metrics_iter_histogram", task=task)["loss"]["val"]
    assert (curve["name"], curve["x"], curve["y"][-1]) == ("val", list(range(100)), 99.0)
    curve = api("events.scalar_metrics_iter_histogram", task=task, key="timestamp")["loss"]["val"]
    assert (curve["x"][0], curve["y"][0]) == (1_700_000_000_000 - 99, 99.0)
    curve = api("events.scalar_metrics_iter_histogram", task=task, key="iso_time")["loss"]["val"]
    assert curve["x"][-1] == "2023-11-14T22:13:20.000Z"


def test_long_curves_are_thinned_out(api: Api, task: str) -> None:
    curve = api("events.scalar_metrics_iter_histogram", task=task, samples=10)["loss"]["train"]
    assert curve["x"] == list(range(0, 100, 10))
    assert curve["y"][:2] == [4.5, 14.5]
    # Intervals begin at multiples of their width, here 34.
    curve = api("events.scalar_metrics_iter_histogram", task=task, samples=3)["loss"]["train"]
    assert (curve["x"], curve["y"]) == ([0, 34, 68], [16.5, 50.5, 83.5])


@pytest.mark.parametrize(
    ("curves", "samples", "expected"),
    [
        # Fewer values than samples are not averaged, however far apart they are.
        ([("a", 9, 0, 10_000)], 10, [1]),
        ([("a", 10, 0, 99)], 10, [10]),
        # Widths within a tenth of each other are one: the widest.
        ([("a", 999, 0, 999), ("b", 999, 0, 1090)], 10, [110, 110]),
        ([("a", 999, 0, 999), ("b", 999, 0, 1100)], 10, [100, 111]),
        # 6000 points at most share a width.
        ([("a", 60_000, 0, 59_999), ("b", 60_000, 0, 61_999)], 3001, [21, 21]),
        ([("a", 60_000, 0, 59_999), ("b", 60_000, 0, 61_999)], 4000, [15, 16]),
    ],
)
def test_widths_of_intervals(curves: list[tuple[str, int, int, int]], samples: int, expected: list[int]) -> None:
    found = intervals([Range("m", *curve) for curve in curves], samples)
    assert [found["m", name] for name, *_ in curves] == expected


def test_fifty_curves_at_most_share_a_width() -> None:
    ranges = [Range("m", f"{number:02}", 20, 0, 999 + number) for number in range(60)]
    assert set(intervals(ranges, 10).values()) == {105, 106}


def test_one_of_the_curves(api: Api, task: str) -> None:
    wanted = [{"metric": "loss", "variants": ["val"]}]
    assert api("events.scalar_metrics_iter_histogram", task=task, metrics=wanted)["loss"].keys() == {"val"}


def test_the_curves_of_several_tasks(api: Api, task: str) -> None:
    other = api.task("other")
    api("events.add", **scalar(other, 7, 1, "val", x_axis_label="epochs"))
    request: Json = {"tasks": [task, other]}
    answer = api("events.multi_task_scalar_metrics_iter_histogram", **request)["metrics"]
    assert answer["loss"]["val"][other] == {"name": "other", "x": [7], "y": [1.0], "x_axis_label": "epochs"}
    assert answer["loss"]["val"][task]["name"] == "curves"
    wanted = [{"metric": "loss", "variants": ["train"]}, {"metric": "none"}]
    answer = api("events.multi_task_scalar_metrics_iter_histogram", **request, metrics=wanted)["metrics"]
    assert {variant: list(curves) for variant, curves in answer["loss"].items()} == {"train": [task]}


def test_the_curves_of_a_model(api: Api) -> None:
    model = api.model("m one", ready=False)
    api("events.add", **scalar(model, 3, 1), model_event=True)
    answer = api("events.multi_task_scalar_metrics_iter_histogram", tasks=[model], model_events=True)["metrics"]
    assert answer == {"loss": {"train": {model: {"name": "m one", "x": [3], "y": [1.0]}}}}


def test_raw_points_come_in_batches_of_the_first_size(api: Api, task: str) -> None:
    request: Json = {"task": task, "metric": {"metric": "loss"}}
    answer = api("events.scalar_metrics_iter_raw", **request, batch_size=30, count_total=True)
    assert answer["variants"]["val"] == {"iter": list(range(15)), "y": [float(at) for at in range(15)]}
    sizes = []
    while answer["returned"]:
        assert answer["total"] == 200
        sizes.append(answer["returned"])
        answer = api("events.scalar_metrics_iter_raw", **request, scroll_id=answer["scroll_id"])
    assert (sizes, answer["variants"], answer["total"]) == ([30] * 6 + [20], {}, 200)
    assert api("events.scalar_metrics_iter_raw", **request)["total"] is None


def test_raw_points_by_time(api: Api, task: str) -> None:
    request: Json = {"task": task, "metric": {"metric": "loss", "variants": ["val"]}, "batch_size": 2}
    for key in ("timestamp", "iso_time"):
        answer = api("events.scalar_metrics_iter_raw", **request, key=key)
        times = [1_700_000_000_000 - 99, 1_700_000_000_000 - 98]
        assert answer["variants"] == {"val": {key: times, "y": [99.0, 98.0]}}


def test_single_values(api: Api) -> None:
    task, none = api.task(), api.task("none")
    api.batch("events.add_batch", scalar(task, SINGLE, 0.9, "best", timestamp=5), scalar(task, 3, 0.5, "best"))
    wanted: Json = {"metric": "loss", "variants": ["best"]}
    value: Json = {"metric": "loss", "variant": "best", "value": 0.9, "timestamp": 5}
    answer = api("events.get_task_single_value_metrics", tasks=[none, task], metrics=[wanted])
    assert answer["tasks"] == [{"task": task, "task_name": "a task", "values": [value]}]
    other = [{**wanted, "metric": "other"}]
    assert api("events.get_task_single_value_metrics", tasks=[task], metrics=other)["tasks"] == []
    assert api("events.scalar_metrics_iter_histogram", task=task)["loss"]["best"]["x"] == [3]
    raw = api("events.scalar_metrics_iter_raw", task=task, metric=wanted)
    assert raw["variants"]["best"]["iter"] == [SINGLE, 3]


@pytest.mark.parametrize(
    "request_",
    [
        {"key": "moon"},
        {"metrics": [{"metric": 5}]},
        {"metrics": [5]},
        {"metrics": [{}]},
        {"samples": 0},
        {"samples": 6001},
    ],
)
def test_what_cannot_be_drawn_is_refused(api: Api, task: str, request_: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        api("events.scalar_metrics_iter_histogram", task=task, **request_)
    assert refused.value.code[0] == 400


@pytest.mark.parametrize("tasks", [[], ["x"] * 101])
def test_a_hundred_tasks_at_most_are_compared(api: Api, tasks: list[str]) -> None:
    if tasks:
        tasks = [api.task(f"task {number}") for number in range(101)]
    refused = api.refusal("events.multi_task_scalar_metrics_iter_histogram", tasks=tasks)
    assert refused is not None
    assert refused.code == (400, 12)
