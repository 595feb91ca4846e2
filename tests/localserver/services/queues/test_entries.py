import pytest

from tests.support.api import Api, Refused


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
    assert api("queues.get_next_task", queue=queue) == api("queues.peek_task", queue=queue) == {}


def test_moving(api: Api, queue: str, tasks: list[str]) -> None:
    first, second, third = tasks
    assert api("queues.move_task_to_front", queue=queue, task=third) == {"position": 0}
    assert order(api, queue) == [third, first, second]
    assert api("queues.move_task_backward", queue=queue, task=third) == {"position": 1}
    assert api("queues.move_task_forward", queue=queue, task=second, count=2) == {"position": 0}
    assert api("queues.move_task_to_back", queue=queue, task=second) == {"position": 2}
    assert order(api, queue) == [first, third, second]


def test_adding_and_removing_by_hand(api: Api, queue: str, tasks: list[str]) -> None:
    fourth = api.task()
    api("queues.add_task", queue=queue, task=fourth)
    assert order(api, queue) == [*tasks, fourth]
    assert api.status(fourth) == "created"
    with pytest.raises(Refused):
        api("queues.add_task", queue=queue, task=fourth)
    assert api("queues.remove_task", queue=queue, task=fourth) == {"removed": 1}
    for endpoint in ("queues.remove_task", "queues.move_task_forward"):
        with pytest.raises(Refused) as refused:
            api(endpoint, queue=queue, task=fourth)
        assert refused.value.code == (400, 703)
    assert api("queues.get_num_entries", queue=queue) == {"num": 3}
