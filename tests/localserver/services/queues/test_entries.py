import pytest

from tests.support.api import Api


@pytest.fixture
def queue(api: Api) -> str:
    return api.queue()


@pytest.fixture
def tasks(api: Api, queue: str) -> list[str]:
    tasks = [api.task(f"task {number}") for number in range(3)]
    for task in tasks:
        api("tasks.enqueue", task=task, queue=queue)
    return tasks


def order(api: Api, queue: str) -> list[str]:
    return [entry["task"] for entry in api("queues.get_by_id", queue=queue)["queue"]["entries"]]


def test_first_in_first_out_and_then_nothing(api: Api, queue: str, tasks: list[str]) -> None:
    assert api("queues.peek_task", queue=queue) == {"task": tasks[0]}
    for task in tasks:
        answer = api("queues.get_next_task", queue=queue, get_task_info=True)
        assert (answer["entry"]["task"], answer["task_info"]["user"]) == (task, "local")
    assert api("queues.get_next_task", queue=queue) == {}
    assert api("queues.peek_task", queue=queue) == {"task": None}


def test_a_task_is_taken_by_name_only_when_it_is_next(api: Api, queue: str, tasks: list[str]) -> None:
    assert api("queues.get_next_task", queue=queue, task=tasks[1]) == {}
    assert api("queues.get_next_task", queue=queue, task=tasks[0])["entry"]["task"] == tasks[0]
    assert order(api, queue) == tasks[1:]


def test_a_stop_before_a_task_is_taken_is_over(api: Api, queue: str) -> None:
    task = api.task()
    for action in ("started", "stopped"):
        api(f"tasks.{action}", task=task)
    api("queues.add_task", queue=queue, task=task)
    api("queues.get_next_task", queue=queue)
    assert api.status(task) == "queued"


def test_moving(api: Api, queue: str, tasks: list[str]) -> None:
    first, second, third = tasks
    assert api("queues.move_task_to_front", queue=queue, task=third) == {"position": 0}
    assert order(api, queue) == [third, first, second]
    assert api("queues.move_task_backward", queue=queue, task=third) == {"position": 1}
    assert api("queues.move_task_forward", queue=queue, task=second, count=2) == {"position": 0}
    assert api("queues.move_task_to_back", queue=queue, task=second) == {"position": 2}
    assert order(api, queue) == [first, third, second]


def test_a_task_added_by_hand_knows_its_queue_and_keeps_its_status(api: Api, queue: str, tasks: list[str]) -> None:
    fourth, fifth = api.task(), api.task()
    api("queues.add_task", queue=queue, task=fourth)
    assert api("queues.add_task", queue=queue, task=fifth, update_execution_queue=False) == {"added": 1}
    assert order(api, queue) == [*tasks, fourth, fifth]
    assert (api.status(fourth), api.read(fourth)["execution"]["queue"]) == ("created", queue)
    assert not api.read(fifth)["execution"].get("queue")
    refused = api.refusal("queues.add_task", queue=queue, task=fourth)
    assert refused
    assert refused.code == (400, 706)


def test_a_removed_task_keeps_its_status_unless_the_request_sets_it_back(
    api: Api, queue: str, tasks: list[str]
) -> None:
    first, second, third = tasks
    assert api("queues.remove_task", queue=queue, task=first) == {"removed": 1}
    assert (api.status(first), api.read(first)["execution"]["queue"]) == ("queued", queue)
    assert api("queues.remove_task", queue=queue, task=second, update_task_status=True) == {"removed": 1}
    assert (api.status(second), api.read(second)["execution"].get("queue")) == ("created", None)
    assert api.read(second)["status_reason"] == f"Task was removed from the queue {queue}"
    assert order(api, queue) == [third]


def test_a_cleared_queue_sets_its_tasks_back_to_what_they_were(api: Api, queue: str, tasks: list[str]) -> None:
    stopped = api.task()
    for action in ("started", "stopped"):
        api(f"tasks.{action}", task=stopped)
    api("tasks.enqueue", task=stopped, queue=queue)
    assert api("queues.clear_queue", queue=queue) == {"removed_tasks": [*tasks, stopped]}
    assert [api.status(task) for task in (*tasks, stopped)] == ["created"] * 3 + ["stopped"]
    assert api("queues.clear_queue", queue=queue) == {"removed_tasks": []}


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("get_by_id", 701),
        ("get_next_task", 701),
        ("peek_task", 701),
        ("get_num_entries", 701),
        ("clear_queue", 701),
        ("add_task", 701),
        ("remove_task", 703),
        ("move_task_forward", 703),
        ("move_task_to_front", 703),
    ],
)
def test_a_queue_that_is_not_there(api: Api, endpoint: str, code: int) -> None:
    task = {"task": api.task()} if "task" in endpoint and "next" not in endpoint and "peek" not in endpoint else {}
    refused = api.refusal(f"queues.{endpoint}", queue="nope", **task)
    assert refused
    assert refused.code == (400, code)
