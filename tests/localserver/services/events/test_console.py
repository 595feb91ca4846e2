import time

import pytest

from tests.support.api import Api, Json


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    lines = [{"type": "log", "task": task, "timestamp": 1000 + number, "msg": str(number)} for number in range(10)]
    api.batch("events.add_batch", *lines)
    return task


def console(api: Api, task: str, **request: object) -> str:
    answer = api("events.get_task_log", task=task, **request)
    assert answer["returned"] == len(answer["events"])
    assert answer["total"] == 10
    return "".join(event["msg"] for event in answer["events"])


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"batch_size": 3}, "987"),
        ({"batch_size": 3, "order": "asc"}, "789"),
        ({"batch_size": 3, "order": "desc"}, "987"),
        ({"batch_size": 3, "navigate_earlier": False}, "012"),
        ({"batch_size": 3, "navigate_earlier": False, "order": "desc"}, "210"),
        ({"batch_size": 3, "from_timestamp": 1005}, "432"),
        ({"batch_size": 3, "from_timestamp": 1005, "order": "asc"}, "234"),
        ({"batch_size": 3, "from_timestamp": 1005, "navigate_earlier": False}, "678"),
        ({"from_timestamp": 1009, "navigate_earlier": False}, ""),
        ({"order": "asc"}, "0123456789"),
        ({"batch_size": 0}, ""),
    ],
)
def test_the_console_from_its_end_from_its_start_and_from_a_time(
    api: Api, task: str, request_: Json, expected: str
) -> None:
    assert console(api, task, **request_) == expected


def test_lines_of_one_millisecond_stay_together(api: Api) -> None:
    task = api.task()
    lines = [{"type": "log", "task": task, "timestamp": 1 + number // 3, "msg": str(number)} for number in range(9)]
    api.batch("events.add_batch", *lines)
    answer = api("events.get_task_log", task=task, batch_size=4)
    assert [event["msg"] for event in answer["events"]] == ["8", "7", "6", "5", "4", "3"]


def test_the_console_of_a_task_that_is_not_there(api: Api) -> None:
    for endpoint in ("get_task_log", "clear_task_log"):
        refused = api.refusal(f"events.{endpoint}", task="nope")
        assert refused is not None
        assert refused.code == (400, 101)


def test_lines_of_a_metric(api: Api, task: str) -> None:
    line: Json = {"type": "log", "task": task, "timestamp": 5, "msg": "m", "variant": "v"}
    api.batch("events.add_batch", *({**line, "metric": metric} for metric in "ab"))
    assert api("events.get_task_log", task=task, metrics=[{"metric": "a"}])["total"] == 1
    assert api("events.clear_task_log", task=task, include_metrics=["a"]) == {"deleted": 1}
    assert api("events.clear_task_log", task=task, exclude_metrics=["b"]) == {"deleted": 10}
    assert api("events.clear_task_log", task=task) == {"deleted": 1}


def test_only_old_lines_are_cleared(api: Api) -> None:
    task = api.task()
    now = int(time.time() * 1000)
    for seconds in (0, 30, 100, 200):
        api("events.add", type="log", task=task, timestamp=now - seconds * 1000, msg="a")
    assert api("events.clear_task_log", task=task, threshold_sec=60) == {"deleted": 2}
    assert api("events.clear_task_log", task=task, threshold_sec=0) == {"deleted": 2}
