import pytest

from tests.support.api import Api, Refused


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


def console(api: Api, task: str, **request: object) -> str:
    answer = api("events.get_task_log", task=task, **request)
    assert answer["returned"] == len(answer["events"])
    assert answer["total"] == 10
    return "".join(event["msg"] for event in answer["events"])


def test_the_console_from_its_end_from_its_start_and_from_a_time(api: Api, task: str) -> None:
    assert console(api, task, batch_size=3, order="asc", navigate_earlier=True) == "789"
    assert console(api, task, batch_size=3) == "987"
    assert console(api, task, batch_size=3, navigate_earlier=False, order="asc") == "012"
    assert console(api, task, batch_size=3, navigate_earlier=False, order="desc") == "210"
    assert console(api, task, batch_size=3, from_timestamp=1005, order="asc") == "234"
    assert console(api, task, batch_size=3, from_timestamp=1005, order="desc") == "432"
    assert console(api, task, batch_size=3, from_timestamp=1005, navigate_earlier=False, order="asc") == "567"
    assert console(api, task, order="asc") == "0123456789"


def test_events_page_by_page(api: Api, task: str) -> None:
    for order, expected in (("asc", "0123456789"), ("desc", "9876543210")):
        found, scroll_id = "", None
        while True:
            answer = api(
                "events.get_task_events",
                task=task,
                event_type="log",
                order=order,
                batch_size=4,
                **({"scroll_id": scroll_id} if scroll_id else {}),
            )
            assert answer["total"] == 10
            scroll_id = answer["scroll_id"]
            if not answer["returned"]:
                break
            found += "".join(event["msg"] for event in answer["events"])
        assert found == expected


def test_the_scalars_of_one_metric(api: Api, task: str) -> None:
    answer = api("events.get_scalar_metric_data", task=task, metric="a")
    assert [event["value"] for event in answer["events"]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("scroll_id", ["x", "bm9wZQ==", "W10=", "WzEsICJhIl0=", "ÿ"])
def test_a_scroll_id_of_somebody_else_is_refused(api: Api, task: str, scroll_id: str) -> None:
    with pytest.raises(Refused) as refused:
        api("events.get_task_events", task=task, event_type="log", scroll_id=scroll_id)
    assert refused.value.code == (400, 16)


@pytest.mark.parametrize("request_", [{"event_type": "gossip"}, {}, {"event_type": "log", "batch_size": 0}])
def test_what_cannot_be_read_is_refused(api: Api, task: str, request_: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        api("events.get_task_events", task=task, **request_)
    assert refused.value.code == (400, 12)


def test_old_lines_are_cleared(api: Api, task: str) -> None:
    assert api("events.clear_task_log", task=task, threshold_sec=0)["deleted"] == 10
    assert api("events.clear_task_log", task=task) == {"deleted": 0}


def test_lines_within_the_threshold_stay(api: Api) -> None:
    task = api.task()
    for second in range(4):
        api("events.add", type="log", task=task, timestamp=second * 1000, msg=str(second))
    assert api("events.clear_task_log", task=task, threshold_sec=2) == {"deleted": 1}


def test_all_events_of_a_task_or_a_model_are_deleted(api: Api, task: str) -> None:
    model = api.model()
    scalar = {"type": "training_stats_scalar", "metric": "m", "variant": "v", "value": 1}
    api.batch("events.add_batch", {**scalar, "task": model, "model_event": True})
    api("events.delete_for_task", task=task)
    api("events.delete_for_model", model=model)
    assert api.read(task)["last_metrics"] == {}
    for owner in (task, model):
        assert api("events.scalar_metrics_iter_histogram", task=owner) == {}


def test_a_published_tasks_events_stay_unless_unlocked(api: Api, task: str) -> None:
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    assert api.refusal("events.delete_for_task", task=task)
    assert api.refusal("events.clear_task_log", task=task)
    assert api("events.delete_for_task", task=task, allow_locked=True)["deleted"]
