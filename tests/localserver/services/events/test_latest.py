import hashlib

import pytest

from clearml_flows.localserver.services.events import latest
from tests.support.api import Api, Json

SCALAR: Json = {"type": "training_stats_scalar", "metric": "loss", "variant": "train"}
METRIC, VARIANT = (hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in ("loss", "train"))


def report(api: Api, task: str, *points: tuple[int, float], **more: object) -> Json:
    """The summary of the scalar in the Task's document after a batch of these points."""
    events = ({**SCALAR, "task": task, "iter": at, "value": value, **more} for at, value in points)
    api.batch("events.add_batch", *events)
    item: Json = api.read(task)["last_metrics"][METRIC][VARIANT]
    return item


def test_the_summary_of_a_scalar_grows_with_each_batch(api: Api) -> None:
    task = api.task()
    # Within a batch the highest iteration has the last value, of batches the last one.
    assert report(api, task, (5, 0.5), (3, 0.75))["value"] == 0.5
    assert report(api, task, (4, 0.1)) == {
        "metric": "loss",
        "variant": "train",
        "value": 0.1,
        "min_value": 0.1,
        "min_value_iteration": 4,
        "max_value": 0.75,
        "max_value_iteration": 3,
        "first_value": 0.75,
        "first_value_iteration": 3,
        "count": 3,
        # Rounded to two digits after each batch: (0.62 * 2 + 0.1) / 3.
        "mean_value": 0.45,
    }
    # The first value stays that of the first batch; an iteration reported again counts again.
    item = report(api, task, (0, 2.0), (0, 2.0), x_axis_label="epochs")
    assert (item["first_value"], item["count"], item["max_value"]) == (0.75, 5, 2.0)
    assert item["x_axis_label"] == "epochs"
    document = api.read(task)
    assert document["last_iteration"] == 5
    assert document["unique_metrics"] == ["loss/train"]
    assert document["metric_stats"].keys() == {METRIC}
    curve = api("events.scalar_metrics_iter_histogram", task=task)["loss"]["train"]
    assert curve == {"name": "train", "x": [0, 3, 4, 5], "y": [2.0, 0.75, 0.1, 0.5], "x_axis_label": "epochs"}


def test_the_latest_of_equals_is_the_one_that_came_last(api: Api) -> None:
    assert report(api, api.task(), (1, 0.5), (1, 0.25), timestamp=5)["value"] == 0.25


def test_a_single_value_is_no_iteration(api: Api) -> None:
    task = api.task()
    report(api, task, (2, 0.5))
    assert report(api, task, (-(2**31), 0.9))["value"] == 0.9
    assert api.read(task)["last_iteration"] == 2


def test_seconds_of_a_monitor_are_no_iteration(api: Api) -> None:
    task = api.task()
    api.batch("events.add_batch", {**SCALAR, "metric": ":monitor:machine", "task": task, "iter": 90, "value": 1})
    assert api.read(task)["last_iteration"] == 0
    api.batch("events.add_batch", {"type": "log", "task": task, "msg": "a", "iter": 4})
    assert api.read(task)["last_iteration"] == 4


def test_scalars_beyond_the_limit_are_stored_but_not_summed_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "MAX_SCALARS", 2)
    task = api.task()
    api.batch("events.add_batch", *({**SCALAR, "task": task, "variant": name, "value": 1} for name in "abc"))
    document = api.read(task)
    assert [len(variants) for variants in document["last_metrics"].values()] == [2]
    assert len(document["unique_metrics"]) == 2
    assert api("events.get_scalar_metrics_and_variants", task=task)["metrics"] == {"loss": ["a", "b", "c"]}


def test_events_note_when_and_by_whom_a_task_changed(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    before = api.read(task)
    report(api, task, (0, 1.0))
    after = api.read(task)
    assert after["last_change"] == after["last_update"] > before["last_update"]
    assert after["active_duration"] == 0


def test_tasks_are_ordered_by_what_they_reported(api: Api) -> None:
    best, worst, none = (api.task(name) for name in ("best", "worst", "none"))
    report(api, worst, (0, 0.9))
    report(api, best, (0, 0.1))
    found = api("tasks.get_all", order_by=[f"-last_metrics.{METRIC}.{VARIANT}.value"])["tasks"]
    assert [task["id"] for task in found] == [worst, best, none]
