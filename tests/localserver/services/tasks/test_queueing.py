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


def test_a_task_waits_in_one_queue_once(api: Api) -> None:
    task, queue, another = api.task(), api.queue(), api.queue("another")
    api("tasks.enqueue", task=task, queue=queue)
    with pytest.raises(Refused) as refused:
        api("tasks.enqueue", task=task, queue=queue)
    assert refused.value.code == (400, 706)
    assert api("tasks.enqueue", task=task, queue=another)["fields"]["enqueue_status"] == "created"
    assert (waiting(api, queue), waiting(api, another)) == ([], [task])


def test_a_task_comes_out_of_the_queue_as_it_went_in(api: Api) -> None:
    task, queue = api.task(system_tags=["development", "kept"]), api.queue()
    for action in ("started", "failed"):
        api(f"tasks.{action}", task=task)
    api("tasks.enqueue", task=task, queue=queue)
    assert api.read(task)["system_tags"] == ["kept"]
    assert api("tasks.dequeue", task=task)["fields"]["status"] == "failed"


def test_a_request_names_its_queue_once(api: Api) -> None:
    refusal = api.refusal("tasks.enqueue", task=api.task(), queue=api.queue(), queue_name="another")
    assert refusal
    assert refusal.code == (400, 12)


def test_the_execution_queue_stays_on_request(api: Api) -> None:
    task, first, second = api.task(), api.queue(), api.queue("second")
    stays = {"task": task, "queue": second, "update_execution_queue": False}
    assert api.refusal("tasks.enqueue", **stays)
    api("tasks.enqueue", task=task, queue=first)
    assert api.refusal("tasks.enqueue", **stays, verify_watched_queue=True)
    assert "execution.queue" not in api("tasks.enqueue", **stays)["fields"]
    assert api.read(task)["execution"]["queue"] == first
    assert (waiting(api, first), waiting(api, second)) == ([], [task])


def test_references_are_checked_before_many_are_enqueued_on_request(api: Api) -> None:
    model = api.model()
    task = api.task(models={"input": [{"name": "m", "model": model}]})
    api("models.delete", model=model, force=True)
    answer = api("tasks.enqueue_many", ids=[task], validate_tasks=True)
    assert answer["failed"][0]["error"]["codes"] == [400, 201]
    assert api("tasks.enqueue_many", ids=[task])["succeeded"][0]["queued"]


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


def test_dequeueing_a_running_task_makes_it_new_and_leaves_a_stale_entry(api: Api) -> None:
    task, queue = api.task(), api.queue()
    api("tasks.enqueue", task=task, queue=queue)
    api("tasks.started", task=task)
    assert api("tasks.dequeue", task=task)["fields"]["status"] == "created"
    assert waiting(api, queue) == [task]
    assert api("tasks.dequeue", task=task, remove_from_all_queues=True) == {"dequeued": 1, "updated": 0, "fields": {}}
    assert waiting(api, queue) == []
    assert api("tasks.dequeue", task="nope") == {"dequeued": 1, "updated": 0, "fields": {}}


def test_a_task_leaves_its_queue_for_a_status_that_exists(api: Api) -> None:
    task = api.task()
    api("tasks.enqueue", task=task)
    refusal = api.refusal("tasks.dequeue", task=task, new_status="flying")
    assert refusal
    assert refusal.code == (400, 12)
    assert api.status(task) == "queued"
    assert api("tasks.dequeue", task=task, new_status="stopped")["fields"]["status"] == "stopped"


def test_what_runs_is_not_enqueued(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    with pytest.raises(Refused, match="current_status=in_progress, new_status=queued") as refused:
        api("tasks.enqueue", task=task)
    assert refused.value.code == (400, 110)


def test_one_of_many_that_fails_half_way_is_as_it_was(api: Api) -> None:
    good, bad, queue = api.task(), api.task(), api.queue()
    api("queues.add_task", queue=queue, task=bad)
    answer = api("tasks.enqueue_many", ids=[good, bad], queue=queue, verify_watched_queue=True)
    assert answer["queue_watched"] is False
    assert [item["error"]["codes"] for item in answer["failed"]] == [[400, 706]]
    assert (api.status(good), api.status(bad)) == ("queued", "created")


def test_many_are_enqueued_and_dequeued(api: Api) -> None:
    queue, tasks = api.queue(), [api.task(), api.task()]
    answer = api("tasks.enqueue_many", ids=[*tasks, "nope"], queue=queue)
    assert len(answer["succeeded"]) == 2
    assert [item["id"] for item in answer["failed"]] == ["nope"]
    assert waiting(api, queue) == tasks
    api("tasks.dequeue_many", ids=tasks)
    assert waiting(api, queue) == []
    assert {api.status(task) for task in tasks} == {"created"}
