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


def test_entries_are_cut_from_either_end(api: Api) -> None:
    queue, tasks = api.queue(), [api.task() for _ in range(3)]
    for task in tasks:
        api("queues.add_task", queue=queue, task=task)
    for limit, shown in ((2, tasks[:2]), (-1, tasks[2:]), (0, tasks)):
        entries = api("queues.get_by_id", queue=queue, max_task_entries=limit)["queue"]["entries"]
        assert [entry["task"] for entry in entries] == shown


def test_two_queues_are_there_from_the_start(api: Api) -> None:
    first, second = api("queues.get_all")["queues"]
    assert (first["name"], first["system_tags"], first["entries"], first["metadata"]) == (
        "default",
        ["default"],
        [],
        {},
    )
    assert (second["name"], second["system_tags"]) == ("services", [])
    assert api("queues.get_default") == {"id": first["id"], "name": "default"}


def test_there_is_one_default_queue(api: Api) -> None:
    default = api("queues.get_default")["id"]
    second = api("queues.create", name="second", system_tags=["default"])["id"]
    for queue, code in ((default, 708), (second, 707)):
        refused = api.refusal("queues.get_default")
        if code == 708:
            assert refused
            assert refused.code == (400, 708)
        api("queues.update", queue=queue, system_tags=[])
    refused = api.refusal("queues.get_default")
    assert refused
    assert refused.code == (400, 707)


def test_queues_of_a_clusters_scheduler_are_shown_to_who_asks_for_them(api: Api) -> None:
    hidden = api("queues.create", name="hidden one", system_tags=["k8s-glue"])["id"]
    for endpoint in ("queues.get_all", "queues.get_all_ex"):
        assert hidden not in {queue["id"] for queue in api(endpoint)["queues"]}
        for asked in ({"search_hidden": True}, {"id": [hidden]}, {"name": "^hidden one$"}):
            assert hidden in {queue["id"] for queue in api(endpoint, **asked)["queues"]}


def test_who_watches_a_queue_and_what_waits_there(api: Api) -> None:
    queue, task, running = api.queue(), api.task(), api.task("running")
    api("tasks.enqueue", task=task, queue=queue)
    api("workers.register", worker="host:1", queues=[queue])
    api("workers.status_report", worker="host:1", timestamp=1, task=running)
    (found,) = api("queues.get_all_ex", id=[queue], only_fields=["name"])["queues"]
    (worker,) = found["workers"]
    assert (worker["name"], worker["ip"], worker["task"]) == (
        "host:1",
        "127.0.0.1",
        {"id": running, "name": "running"},
    )
    assert found["entries"][0]["task"] == {"id": task, "name": "a task"}
