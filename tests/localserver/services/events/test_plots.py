import pytest

from tests.support.api import Api, Json


def plots(task: str, *places: tuple[str, str, int]) -> list[Json]:
    event: Json = {"type": "plot", "task": task, "plot_str": "{}"}
    return [{**event, "metric": metric, "variant": variant, "iter": at} for metric, variant, at in places]


@pytest.fixture
def task(api: Api) -> str:
    task = api.task("pictures")
    api.batch("events.add_batch", *plots(task, *(("m", variant, at) for variant in "ab" for at in range(5))))
    return task


def test_the_plots_of_the_last_iterations(api: Api, task: str) -> None:
    answer = api("events.get_task_plots", task=task, iters=2, no_scroll=True)
    assert [(plot["variant"], plot["iter"]) for plot in answer["plots"]] == [("a", 4), ("a", 3), ("b", 4), ("b", 3)]
    assert (answer["returned"], answer["total"], answer["scroll_id"]) == (4, 4, None)
    answer = api("events.get_task_plots", task=task, metrics=[{"metric": "m", "variants": ["b"]}])
    assert [(plot["variant"], plot["iter"]) for plot in answer["plots"]] == [("b", 4)]


def places(answer: Json) -> list[tuple[str, str, str, str]]:
    return sorted(
        (metric, variant, task, iteration)
        for metric, variants in answer["plots"].items()
        for variant, tasks in variants.items()
        for task, iterations in tasks.items()
        for iteration in iterations
    )


def test_the_plots_of_several_tasks(api: Api) -> None:
    one, two = api.task("one"), api.task("two")
    api.batch(
        "events.add_batch",
        *plots(one, ("A", "AX", 1), ("B", "old", 2), ("B", "new", 3), ("C", "CX", 3)),
        *plots(two, ("C", "CX", 1)),
    )
    answer = api("events.get_multi_task_plots", tasks=[one, two])
    # Of each metric of a task the last iteration: the older variant of B is not in it.
    expected = [("A", "AX", one, "1"), ("B", "new", one, "3"), ("C", "CX", one, "3"), ("C", "CX", two, "1")]
    assert places(answer) == sorted(expected)
    assert (answer["returned"], answer["total"]) == (3, 4)
    assert answer["plots"]["A"]["AX"][one]["1"]["name"] == "one"
    assert len(answer["plots"]["A"]["AX"][one]["1"]["plots"]) == 1
    rest = api("events.get_multi_task_plots", tasks=[one, two], scroll_id=answer["scroll_id"])
    assert rest["plots"] == {}
    of_task = api("events.get_multi_task_plots", tasks=[one], last_iters_per_task_metric=False, no_scroll=True)
    assert places(of_task) == [("B", "new", one, "3"), ("C", "CX", one, "3")]
    assert of_task["scroll_id"] is None
    narrow = api("events.get_multi_task_plots", tasks=[one, two], metrics=[{"metric": "A"}])
    assert places(narrow) == [("A", "AX", one, "1")]


def test_plots_of_models(api: Api) -> None:
    model = api.model("m one", ready=False)
    api("events.add", **plots(model, ("m", "v", 1))[0], model_event=True)
    assert len(api("events.get_task_plots", task=model, model_events=True)["plots"]) == 1
    answer = api("events.get_multi_task_plots", tasks=[model], model_events=True)
    assert answer["plots"]["m"]["v"][model]["1"]["name"] == "m one"
