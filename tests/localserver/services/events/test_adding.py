import json
from typing import Any

import pytest

from tests.support.api import Api, Json, Refused

SCALAR: Json = {"type": "training_stats_scalar", "metric": "loss", "variant": "train", "iter": 0, "value": 0.5}


def console(api: Api, task: str) -> list[str]:
    return [event["msg"] for event in api("events.get_task_log", task=task, order="asc")["events"]]


def test_a_bad_event_does_not_cost_the_good_ones(api: Api) -> None:
    task = api.task()
    good = {**SCALAR, "task": task}
    bad: list[Json] = [
        {**good, "type": "gossip"},
        {"task": task},
        {**good, "task": "nope"},
        {**good, "task": "nope"},
        {**SCALAR},
        {**good, "value": None},
        {**good, "value": "much"},
        {**good, "iter": "first"},
        {**good, "iter": 2**70},
        {**good, "metric": 5},
        {**good, "timestamp": True},
    ]
    answer = api.batch("events.add_batch", *bad, good)
    assert (answer["added"], answer["errors"]) == (1, len(bad))
    assert answer["errors_info"]["Invalid task id nope"] == 2
    assert answer["errors_info"]["Invalid event type gossip"] == 1
    assert answer["errors_info"]["Event must have a 'type' field"] == 1
    assert sum(answer["errors_info"].values()) == len(bad)
    assert api.read(task)["last_iteration"] == 0


def test_a_single_event_is_answered_as_a_batch(api: Api) -> None:
    answer = api("events.add", **SCALAR, task=api.task())
    assert answer == {"added": 1, "errors": 0, "errors_info": {}}


@pytest.mark.parametrize(("events", "code"), [([{**SCALAR, "task": "nope"}], 131), ([], 17)])
def test_nothing_added_is_an_error(api: Api, events: list[Json], code: int) -> None:
    with pytest.raises(Refused) as refused:
        api.batch("events.add_batch", *events)
    assert refused.value.code == (400, code)


def test_a_batch_that_arrives_twice_is_kept_once(api: Api) -> None:
    task = api.task()
    lines: list[Json] = [
        {"type": "log", "task": task, "timestamp": 5, "worker": "w", "msg": message} for message in "aab"
    ]
    for _ in range(2):
        api.batch("events.add_batch", *lines, {**SCALAR, "task": task})
    assert console(api, task) == ["a", "a", "b"]
    assert api("events.scalar_metrics_iter_histogram", task=task)["loss"]["train"]["x"] == [0]


def test_an_iteration_reported_again_has_its_last_value(api: Api) -> None:
    task = api.task()
    for value in (0.5, 0.25):
        api.batch("events.add_batch", {**SCALAR, "task": task, "value": value})
    assert api("events.scalar_metrics_iter_histogram", task=task)["loss"]["train"]["y"] == [0.25]


def test_images_of_one_iteration_differ_by_their_file(api: Api) -> None:
    task = api.task()
    image: Json = {"type": "training_debug_image", "task": task, "metric": "m", "variant": "v", "iter": 1}
    api.batch("events.add_batch", *({**image, "key": name, "url": f"http://x/{name}"} for name in ("a", "b", "b")))
    events = api("events.get_task_events", task=task)["events"]
    assert [event["url"] for event in events] == ["http://x/a", "http://x/b"]


def test_events_of_models_go_to_models(api: Api) -> None:
    model, task = api.model(ready=False), api.task()
    api.batch("events.add_batch", {**SCALAR, "task": model, "model_event": True})
    api.batch("events.add_batch", {**SCALAR, "model": model, "model_event": True, "iter": 7})
    document = api("models.get_by_id", model=model)["model"]
    assert document["last_metrics"]
    assert document["last_iteration"] == 7
    with pytest.raises(Refused, match=f"Invalid model id {task}=1"):
        api.batch("events.add_batch", {**SCALAR, "task": task, "model_event": True})
    with pytest.raises(Refused, match="Task log events are not supported for models=1"):
        api.batch("events.add_batch", {"type": "log", "msg": "a", "task": model, "model_event": True})


def test_a_ready_model_is_closed_unless_unlocked(api: Api) -> None:
    event: Json = {**SCALAR, "task": api.model(), "model_event": True}
    with pytest.raises(Refused, match="Invalid model id"):
        api.batch("events.add_batch", event)
    assert api.batch("events.add_batch", {**event, "allow_locked": True})["added"] == 1


@pytest.mark.parametrize("other", [{"allow_locked": True}, {"model_event": True}])
def test_the_events_of_one_owner_must_agree(api: Api, other: Json) -> None:
    event = {**SCALAR, "task": api.task()}
    with pytest.raises(Refused, match="Inconsistent") as refused:
        api.batch("events.add_batch", event, {**event, **other})
    assert refused.value.code == (400, 12)


def test_published_tasks_are_closed_unless_unlocked(api: Api) -> None:
    task = api.task()
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    with pytest.raises(Refused) as refused:
        api.batch("events.add_batch", {**SCALAR, "task": task})
    assert refused.value.code == (400, 131)
    api.batch("events.add_batch", {**SCALAR, "task": task, "allow_locked": True})
    (event,) = api("events.get_task_events", task=task, event_type=SCALAR["type"])["events"]
    assert "allow_locked" not in event


def test_events_are_given_back_as_they_came_and_with_what_the_server_adds(api: Api) -> None:
    task = api.task()
    text = '{"data": [{"source": "http://x/a.png"}, {"source": "gs://b/c.png"}]}'
    plot: Json = {"type": "plot", "task": task, "iter": 3, "metric": "m", "variant": "v", "plot_str": text}
    api("events.add", **plot, timestamp=1_700_000_000_000, extra={"a": [1]})
    (event,) = api("events.get_task_plots", task=task)["plots"]
    assert {name: event[name] for name in plot} == plot
    assert (event["extra"], event["plot_len"], event["timestamp"]) == ({"a": [1]}, 68, 1_700_000_000_000)
    assert event["source_urls"] == ["gs://b/c.png", "http://x/a.png"]
    assert event["@timestamp"].endswith("Z")
    assert (event["model_event"], event["worker"]) == (False, "<unknown>")


def test_the_worker_of_an_event_is_that_of_the_request(api: Api) -> None:
    task = api.task()
    events = [{**SCALAR, "task": task}, {**SCALAR, "task": task, "iter": 1, "worker": "its own"}]
    body = "\n".join(json.dumps(event) for event in events).encode()
    api.send("events.add_batch", body, {**api.headers, "X-ClearML-Worker": "machine:1"})
    found = api("events.get_task_events", task=task)["events"]
    assert [event["worker"] for event in found] == ["machine:1", "its own"]


def test_names_of_old_clients(api: Api) -> None:
    task = api.task()
    vector: Json = {"type": "training stats vector", "task": task, "ts": 5, "values": [1, 2], "iter": 4}
    api.batch("events.add_batch", {**vector, "metric": "m", "variant": "v"})
    (event,) = api("events.get_task_events", task=task)["events"]
    assert (event["type"], event["timestamp"], event["value"]) == ("training_stats_vector", 5, [1, 2])
    assert "ts" not in event


@pytest.mark.parametrize("value", [0, -1.5, "2.5", 10**15])
def test_values_are_numbers(api: Api, value: Any) -> None:
    task = api.task()
    api.batch("events.add_batch", {**SCALAR, "task": task, "value": value})
    assert api("events.scalar_metrics_iter_histogram", task=task)["loss"]["train"]["y"] == [float(value)]
