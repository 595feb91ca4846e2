import hashlib

from tests.support.api import Api, Json

SCALAR: Json = {"type": "training_stats_scalar", "metric": "loss", "variant": "train"}


def report(api: Api, task: str, *points: tuple[int, float]) -> Json:
    """What the Task's document says of the scalar after these."""
    api.batch("events.add_batch", *({**SCALAR, "task": task, "iter": at, "value": value} for at, value in points))
    metric, variant = (hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in ("loss", "train"))
    item: Json = api.read(task)["last_metrics"][metric][variant]
    return item


def test_the_last_value_is_that_of_the_highest_iteration(api: Api) -> None:
    task = api.task()
    assert report(api, task, (5, 0.5), (3, 0.75))["value"] == 0.5
    item = report(api, task, (4, 0.1))
    assert item == {
        "metric": "loss",
        "variant": "train",
        "value": 0.5,
        "min_value": 0.1,
        "min_value_iteration": 4,
        "max_value": 0.75,
        "max_value_iteration": 3,
    }
    assert report(api, task, (9, 0.2))["value"] == 0.2
    assert api.read(task)["last_iteration"] == 9


def test_a_single_value_is_no_iteration(api: Api) -> None:
    task = api.task()
    report(api, task, (2, 0.5))
    api.batch("events.add_batch", {**SCALAR, "metric": "Summary", "task": task, "iter": -(2**31), "value": 0.9})
    assert api.read(task)["last_iteration"] == 2
    assert api("events.get_task_single_value_metrics", tasks=[task, "nope"])["tasks"] == [
        {
            "task": task,
            "task_name": "a task",
            "values": [
                {
                    "metric": "Summary",
                    "variant": "train",
                    "value": 0.9,
                    "timestamp": api("events.get_task_events", task=task, event_type=SCALAR["type"])["events"][1][
                        "timestamp"
                    ],
                }
            ],
        }
    ]


def test_tasks_are_ordered_by_what_they_reported(api: Api) -> None:
    best, worst, none = (api.task(name) for name in ("best", "worst", "none"))
    report(api, worst, (0, 0.9))
    report(api, best, (0, 0.1))
    metric, variant = (hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in ("loss", "train"))
    found = api("tasks.get_all", order_by=[f"-last_metrics.{metric}.{variant}.value"])["tasks"]
    assert [task["id"] for task in found] == [worst, best, none]
