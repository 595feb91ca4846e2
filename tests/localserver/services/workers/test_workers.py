"""Agents register, report, and are forgotten when nothing is heard of them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api import Api, Json, Refused


def age(api: Api, worker: str, seconds: int) -> None:
    """Make a worker's last sign of life that old."""
    with api.store.write() as db:
        document = db.workers.get(worker)
        assert document
        document["last_activity_time"] = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        db.workers.save(document)


def ids(api: Api, **request: object) -> list[str]:
    return [worker["id"] for worker in api("workers.get_all", **request)["workers"]]


def test_a_worker_says_what_it_watches_and_what_it_runs(api: Api) -> None:
    queue = api("queues.create", name="a queue", display_name="Shown")["id"]
    task, waiting = api.task(project=api.project("some/where")), api.task("waiting")
    api("tasks.enqueue", task=waiting, queue=queue)
    api("tasks.started", task=task)
    api("workers.register", worker="host:1", queues=[queue], tags=["gpu"])
    report = {"worker": "host:1", "timestamp": 1, "machine_stats": {"cpu_usage": [1]}, "tags": ["gpu"]}
    api("workers.status_report", **report, task=task, queue=queue)
    (found,) = api("workers.get_all", tags=["gpu"])["workers"]
    watched = {"id": queue, "name": "a queue", "display_name": "Shown", "num_tasks": 1}
    watched["next_task"] = {"id": waiting, "name": "waiting"}
    assert (found["id"], found["queue"], found["queues"]) == ("host:1", watched, [watched])
    assert (found["task"]["id"], found["project"]["name"]) == (task, "some/where")
    assert api.read(task)["last_worker"] == "host:1"
    api("workers.status_report", **report, queue="elsewhere", queues=[queue, "gone"])
    (found,) = api("workers.get_all")["workers"]
    assert found["queues"] == [watched, {"id": "gone"}]
    assert not {"task", "queue"} & found.keys()


def test_a_worker_that_nobody_knows_is_registered_by_its_report(api: Api) -> None:
    api("workers.status_report", worker="host:1", timestamp=1, machine_stats=None, tags=None)
    assert api("workers.get_count") == {"count": 1}


def test_a_report_about_a_task_that_is_gone_is_refused_and_keeps_the_worker(api: Api) -> None:
    for _ in range(2):
        refused = api.refusal("workers.status_report", worker="host:1", timestamp=1, task="gone", tags=["a"])
        assert refused
        assert refused.code == (400, 101)
    (found,) = api("workers.get_all", tags=["a"])["workers"]
    assert "task" not in found


def test_a_worker_that_is_not_heard_of_is_gone(api: Api) -> None:
    for name, timeout in (("short", 10), ("long", 10_000)):
        api("workers.register", worker=name, timeout=timeout)
        age(api, name, seconds=60)
    assert ids(api) == ["long"]
    assert (ids(api, last_seen=30), ids(api, last_seen=120)) == ([], ["long"])
    assert api("workers.get_count", last_seen=30) == {"count": 0}
    # An hour is the default for the list, and none for the count.
    age(api, "long", seconds=4_000)
    assert (ids(api), ids(api, last_seen=0)) == ([], ["long"])
    assert api("workers.get_count") == {"count": 1}
    api("workers.register", worker="new")
    with api.store.read() as db:
        assert db.workers.get("short") is None


@pytest.mark.parametrize(
    ("request_", "chosen"),
    [
        ({"tags": ["a", "x"]}, ["one", "two"]),
        ({"tags": ["a"], "system_tags": ["s"]}, ["one"]),
        ({"tags": ["-b"]}, ["one"]),
        ({"tags": ["a", "-b"]}, ["one"]),
        ({"system_tags": ["-s"]}, ["two"]),
        ({"tags": ["x"]}, []),
        ({"worker_pattern": "o*"}, ["one"]),
        ({"worker_pattern": "n"}, []),
    ],
)
def test_workers_are_chosen_by_tags_and_names(api: Api, request_: Json, chosen: list[str]) -> None:
    api("workers.register", worker="one", tags=["a"], system_tags=["s"])
    api("workers.register", worker="two", tags=["a", "b"])
    assert ids(api, **request_) == chosen
    assert api("workers.get_count", **request_) == {"count": len(chosen)}


def test_a_registration_that_cannot_be_is_refused(api: Api) -> None:
    for request, code in (({"queues": ["nope"]}, 701), ({"timeout": -1}, 1002)):
        refused = api.refusal("workers.register", worker="host:1", **request)
        assert refused
        assert refused.code == (400, code)


def test_a_queue_has_the_resources_of_its_workers(api: Api) -> None:
    queue = api.queue()
    api("workers.register", worker="host:1", queues=[queue], resources={"cpu_usage": 2})
    assert api("queues.get_by_id", queue=queue)["queue"]["resources"] == {"cpu_usage": 2}


def test_unregistering(api: Api) -> None:
    api("workers.register", worker="host:1")
    for _ in range(2):
        assert api("workers.unregister", worker="host:1") == {}
    assert ids(api) == []


def test_runtime_properties_are_not_there_as_agents_tolerate(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api("workers.get_runtime_properties", worker="host:1")
    assert refused.value.code == (404, 0)
