import pytest

from tests.support.api import Api, Refused


@pytest.fixture
def task(api: Api) -> str:
    task = api.task("curves")
    scalars = [
        {
            "type": "training_stats_scalar",
            "task": task,
            "metric": "loss",
            "variant": variant,
            "iter": at,
            "value": float(at),
            "timestamp": 1_700_000_000_000 - at,
        }
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
    assert curve["x"][-1] == "2023-11-14T22:13:20.000+00:00"


def test_long_curves_are_thinned_out(api: Api, task: str) -> None:
    curve = api("events.scalar_metrics_iter_histogram", task=task, samples=10)["loss"]["train"]
    assert curve["x"] == list(range(0, 100, 10))
    assert curve["y"][:2] == [4.5, 14.5]


def test_one_of_the_curves(api: Api, task: str) -> None:
    wanted = [{"metric": "loss", "variants": ["val"]}]
    assert api("events.scalar_metrics_iter_histogram", task=task, metrics=wanted)["loss"].keys() == {"val"}


def test_the_curves_of_several_tasks(api: Api, task: str) -> None:
    other = api.task("other")
    api("events.add", type="training_stats_scalar", task=other, metric="loss", variant="val", value=1, iter=7)
    answer = api("events.multi_task_scalar_metrics_iter_histogram", tasks=[task, other])
    assert answer["loss"]["val"][other] == {"name": "other", "x": [7], "y": [1.0]}
    assert answer["loss"]["val"][task]["name"] == "curves"


def test_raw_points_come_in_batches(api: Api, task: str) -> None:
    found, scroll_id = 0, None
    for _ in range(5):
        answer = api(
            "events.scalar_metrics_iter_raw",
            task=task,
            metric={"metric": "loss"},
            batch_size=50,
            count_total=True,
            **({"scroll_id": scroll_id} if scroll_id else {}),
        )
        found += answer["returned"]
        scroll_id = answer["scroll_id"]
        assert answer["total"] == 200
    assert found == 200
    assert answer["variants"] == {}


def test_names_and_last_values(api: Api, task: str) -> None:
    assert api("events.get_scalar_metrics_and_variants", task=task)["metrics"] == {"loss": ["train", "val"]}
    metrics = api("events.get_task_metrics", tasks=[task], event_type="training_stats_scalar")["metrics"]
    assert metrics == [{"task": task, "metrics": ["loss"]}]
    (metric,) = api("events.get_task_latest_scalar_values", task=task)["metrics"]
    assert metric["variants"][0] == {"name": "train", "last_value": 99.0, "last_100_value": 49.5}


@pytest.mark.parametrize("request_", [{"key": "moon"}, {"metrics": [{"metric": 5}]}, {"metrics": [5]}])
def test_what_cannot_be_drawn_is_refused(api: Api, task: str, request_: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        api("events.scalar_metrics_iter_histogram", task=task, **request_)
    assert refused.value.code[0] == 400
