"""Agents register, report, and are forgotten when nothing is heard of them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api import Api, Refused


def age(api: Api, worker: str, seconds: int) -> None:
    """Make a worker's last sign of life that old."""
    with api.store.write() as db:
        document = db.workers.get(worker)
        assert document
        document["last_activity_time"] = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        db.workers.save(document)


def test_a_worker_tells_what_it_watches_and_what_it_runs(api: Api) -> None:
    queue, task = api.queue(), api.task(project=api.project("some/where"))
    api("tasks.started", task=task)
    api("workers.register", worker="host:1", queues=[queue], tags=["gpu"])
    report = {"worker": "host:1", "timestamp": 1, "queues": [queue], "machine_stats": {"cpu_usage": [1]}}
    api("workers.status_report", **report, task=task, queue=queue)
    (found,) = api("workers.get_all", tags=["gpu"])["workers"]
    assert (found["id"], found["queue"]["name"], found["queues"][0]["name"]) == ("host:1", "a queue", "a queue")
    assert (found["task"]["id"], found["project"]["name"]) == (task, "some/where")
    assert api.read(task)["last_worker"] == "host:1"
    assert api("workers.get_all", tags=["tpu"]) == {"workers": []}
    api("workers.status_report", **report)
    (found,) = api("workers.get_all")["workers"]
    assert "task" not in found


def test_one_that_nobody_knows_is_registered_by_its_report(api: Api) -> None:
    api("workers.status_report", worker="host:1", timestamp=1, machine_stats=None, tags=None)
    assert api("workers.get_count") == {"count": 1}


def test_one_that_is_not_heard_of_is_not_there(api: Api) -> None:
    for name, timeout in (("short", 10), ("long", 1000)):
        api("workers.register", worker=name, timeout=timeout)
        age(api, name, seconds=60)
    assert [worker["id"] for worker in api("workers.get_all")["workers"]] == ["long"]
    assert api("workers.get_count", last_seen=30) == {"count": 0}
    assert api("workers.get_count", last_seen=120) == {"count": 2}


def test_unregistering(api: Api) -> None:
    api("workers.register", worker="host:1")
    assert api("workers.unregister", worker="host:1") == {}
    with pytest.raises(Refused) as refused:
        api("workers.unregister", worker="host:1")
    assert refused.value.code == (400, 1001)


def test_runtime_properties_are_not_there_as_agents_tolerate(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api("workers.get_runtime_properties", worker="host:1")
    assert refused.value.code == (404, 0)
