import pytest

from tests.support.api import Api, Refused


def waiting(api: Api, queue: str) -> list[str]:
    entries = api("queues.get_by_id", queue=queue)["queue"]["entries"]
    return [entry["task"] for entry in entries]


def test_in_and_out_again(api: Api) -> None:
    task, queue = api.task(), api.queue()
    answer = api("tasks.enqueue", task=task, queue=queue)
    assert (answer["queued"], answer["fields"]["status"]) == (1, "queued")
    assert (answer["fields"]["enqueue_status"], answer["fields"]["execution.queue"]) == ("created", queue)
    assert waiting(api, queue) == [task]
    assert api.read(task)["execution"]["queue"] == queue
    answer = api("tasks.dequeue", task=task)
    assert (answer["dequeued"], answer["fields"]["status"], answer["fields"]["enqueue_status"]) == (1, "created", None)
    assert waiting(api, queue) == []


def test_the_same_request_twice_is_one_entry(api: Api) -> None:
    task, queue = api.task(), api.queue()
    for _ in range(2):
        api("tasks.enqueue", task=task, queue=queue)
    assert waiting(api, queue) == [task]
    with pytest.raises(Refused):
        api("tasks.enqueue", task=task, queue=api.queue("another"))
    assert waiting(api, queue) == [task]


def test_without_a_queue_it_is_the_default_one(api: Api) -> None:
    task = api.task()
    api("tasks.enqueue", task=task)
    assert waiting(api, api("queues.get_default")["id"]) == [task]


def test_a_queue_by_name_is_made_if_it_must(api: Api) -> None:
    first, second = api.task(), api.task()
    api("tasks.enqueue", task=first, queue_name="brand new")
    answer = api("tasks.enqueue", task=second, queue_name="brand new", verify_watched_queue=True)
    assert answer["queue_watched"] is False
    assert waiting(api, answer["fields"]["execution.queue"]) == [first, second]


def test_whether_somebody_watches_the_queue(api: Api) -> None:
    queue = api.queue()
    api("workers.register", worker="w:1", queues=[queue])
    assert api("tasks.enqueue", task=api.task(), queue=queue, verify_watched_queue=True)["queue_watched"] is True


def test_an_agent_takes_a_task_and_says_so(api: Api) -> None:
    """In the order in which clearml-agent calls."""
    task, queue = api.task(), api.queue()
    api("tasks.enqueue", task=task, queue=queue)
    assert api("queues.get_next_task", queue=queue)["entry"]["task"] == task
    assert api.status(task) == "queued"
    api("tasks.started", task=task, force=True, status_message="pulled by agent")
    assert api("tasks.dequeue", task=task, new_status="in_progress")["fields"]["status"] == "in_progress"
    assert "started" not in api("tasks.started", task=task, force=True)["fields"]
    assert api.status(task) == "in_progress"


def test_starting_leaves_the_entry_where_it_is(api: Api) -> None:
    task, queue = api.task(), api.queue()
    api("tasks.enqueue", task=task, queue=queue)
    api("tasks.started", task=task)
    assert waiting(api, queue) == [task]


def test_dequeueing_what_runs_makes_it_new_and_what_is_gone_is_no_error(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    assert api("tasks.dequeue", task=task)["fields"]["status"] == "created"
    assert api("tasks.dequeue", task="nope")["updated"] == 0


@pytest.mark.parametrize("to", ["flying", "published"])
def test_not_every_state_can_follow_the_queue(api: Api, to: str) -> None:
    task = api.task()
    api("tasks.enqueue", task=task)
    assert api.refusal("tasks.dequeue", task=task, new_status=to)
    assert api.status(task) == "queued"


def test_what_runs_is_not_enqueued(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    with pytest.raises(Refused, match="current_status=in_progress, new_status=queued") as refused:
        api("tasks.enqueue", task=task)
    assert refused.value.code == (400, 110)


def test_one_of_many_that_fails_half_way_is_as_it_was(api: Api) -> None:
    good, waits_already = api.task(), api.task()
    api("queues.add_task", queue=api.queue("another"), task=waits_already)
    answer = api("tasks.enqueue_many", ids=[good, waits_already], queue=api.queue())
    assert [item["id"] for item in answer["failed"]] == [waits_already]
    assert (api.status(good), api.status(waits_already)) == ("queued", "created")


def test_many_are_enqueued_and_dequeued(api: Api) -> None:
    queue, tasks = api.queue(), [api.task(), api.task()]
    answer = api("tasks.enqueue_many", ids=[*tasks, "nope"], queue=queue)
    assert len(answer["succeeded"]) == 2
    assert [item["id"] for item in answer["failed"]] == ["nope"]
    assert waiting(api, queue) == tasks
    api("tasks.dequeue_many", ids=tasks)
    assert waiting(api, queue) == []
    assert {api.status(task) for task in tasks} == {"created"}
