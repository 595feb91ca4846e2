from tests.support.api import Api


def test_queues_with_who_waits_in_them(api: Api) -> None:
    queue, tasks = api.queue(), [api.task(), api.task()]
    for task in tasks:
        api("tasks.enqueue", task=task, queue=queue)
    (found,) = api("queues.get_all", name="^a queue$")["queues"]
    assert [entry["task"] for entry in found["entries"]] == tasks
    (found,) = api("queues.get_all", id=[queue], max_task_entries=1)["queues"]
    assert len(found["entries"]) == 1
    (found,) = api("queues.get_all", id=[queue], only_fields=["id", "name"])["queues"]
    assert found == {"id": queue, "name": "a queue"}
    (found,) = api("queues.get_all", id=[queue], only_fields=["entries"])["queues"]
    assert len(found["entries"]) == 2


def test_there_is_a_default_queue_from_the_start(api: Api) -> None:
    default = api("queues.get_default")
    assert default["name"] == "default"
    (found,) = api("queues.get_all")["queues"]
    assert (found["id"], found["system_tags"], found["entries"], found["metadata"]) == (
        default["id"],
        ["default"],
        [],
        {},
    )


def test_hidden_queues_are_shown_to_who_asks_for_them(api: Api) -> None:
    hidden = api("queues.create", name="hidden one", system_tags=["hidden"])["id"]
    assert hidden not in {queue["id"] for queue in api("queues.get_all")["queues"]}
    assert hidden in {queue["id"] for queue in api("queues.get_all", search_hidden=True)["queues"]}


def test_who_watches_a_queue_and_what_waits_there(api: Api) -> None:
    queue, task = api.queue(), api.task()
    api("tasks.enqueue", task=task, queue=queue)
    api("workers.register", worker="host:1", queues=[queue])
    (found,) = api("queues.get_all_ex", id=[queue])["queues"]
    assert [worker["name"] for worker in found["workers"]] == ["host:1"]
    assert found["entries"][0]["task"] == {"id": task, "name": "a task"}
