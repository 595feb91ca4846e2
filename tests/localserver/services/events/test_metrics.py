import pytest

from tests.support.api import Api, Json


@pytest.fixture
def task(api: Api) -> str:
    task = api.task("named")
    scalar: Json = {"type": "training_stats_scalar", "task": task, "metric": "loss"}
    events = [
        *({**scalar, "variant": "train", "iter": at, "value": value} for at, value in enumerate((0.5, 0.25, -1.0))),
        {**scalar, "variant": "below", "iter": 1, "value": -2},
        {**scalar, "metric": "single", "variant": "s", "iter": -(2**31), "value": 1},
        {"type": "plot", "task": task, "metric": "roc", "variant": "v", "iter": 9, "plot_str": "{}"},
        {"type": "training_stats_vector", "task": task, "metric": "w", "variant": "v", "iter": 2, "values": [1, 2]},
        {"type": "training_stats_vector", "task": task, "metric": "w", "variant": "v", "iter": 1, "values": [3]},
    ]
    api.batch("events.add_batch", *events)
    return task


def test_the_metrics_of_tasks(api: Api, task: str) -> None:
    other = api.task("other")
    answer = api("events.get_task_metrics", tasks=[other, task], event_type="training_stats_scalar")
    assert answer["metrics"] == [{"task": other, "metrics": []}, {"task": task, "metrics": ["loss"]}]
    answer = api("events.get_task_metrics", tasks=[task], event_type="*")
    assert answer["metrics"] == [{"task": task, "metrics": ["loss", "roc", "w"]}]
    assert api.refusal("events.get_task_metrics", tasks=[task])


def test_the_metrics_of_several_tasks_together(api: Api, task: str) -> None:
    model = api.model(ready=False)
    event: Json = {"type": "training_stats_scalar", "task": model, "metric": "loss", "iter": 0, "value": 1}
    api.batch("events.add_batch", *({**event, "variant": name, "model_event": True} for name in "ba"))
    answer = api("events.get_multi_task_metrics", tasks=[model], model_events=True)
    assert answer["metrics"] == [{"metric": "loss", "variants": ["a", "b"]}]
    answer = api("events.get_multi_task_metrics", tasks=[task, api.task("other")])
    assert [item["metric"] for item in answer["metrics"]] == ["loss", "roc", "single", "w"]
    answer = api("events.get_multi_task_metrics", tasks=[task], event_type="plot")
    assert answer["metrics"] == [{"metric": "roc", "variants": ["v"]}]


def test_the_names_of_scalars_and_vectors(api: Api, task: str) -> None:
    scalars = api("events.get_scalar_metrics_and_variants", task=task)["metrics"]
    assert scalars == {"loss": ["below", "train"], "single": ["s"]}
    assert api("events.get_vector_metrics_and_variants", task=task)["metrics"] == {"w": ["v"]}
    answer = api("events.vector_metrics_iter_histogram", task=task, metric="w", variant="v")
    assert answer == {"metric": "w", "variant": "v", "vectors": [[3], [1, 2]], "iterations": [1, 2]}


def test_last_values_are_those_above_zero(api: Api, task: str) -> None:
    answer = api("events.get_task_latest_scalar_values", task=task)
    train = {"name": "train", "last_value": 0.25, "last_10_value": 0.25}
    single = {"name": "s", "last_value": 1.0, "last_10_value": 1.0}
    assert answer["metrics"] == [{"name": "loss", "variants": [train]}, {"name": "single", "variants": [single]}]
    assert (answer["last_iter"], answer["name"], answer["status"]) == (9, "named", "created")
    assert answer["last_timestamp"] > 1_700_000_000_000
    answer = api("events.get_task_latest_scalar_values", task=api.task())
    assert (answer["metrics"], answer["last_iter"], answer["last_timestamp"]) == ([], 0, 0)


def test_the_unique_scalars_of_tasks_and_models(api: Api, task: str) -> None:
    def names(**request: object) -> list[tuple[str, str]]:
        metrics = api("projects.get_unique_metric_variants", **request)["metrics"]
        return [(item["metric"], item["variant"]) for item in metrics]

    model = api.model(ready=False)
    event: Json = {"type": "training_stats_scalar", "task": model, "metric": "m", "variant": "v", "value": 1}
    api("events.add", **event, model_event=True)
    assert names(ids=[task]) == [("loss", "below"), ("loss", "train"), ("single", "s")]
    assert names(ids=[api.task("other")]) == []
    assert names(ids=[model], model_metrics=True) == [("m", "v")]
