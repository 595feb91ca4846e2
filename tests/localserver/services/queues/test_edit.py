import pytest

from tests.support.api import Api, Refused


def test_names_are_long_enough_and_single(api: Api) -> None:
    queue = api.queue()
    for name, code in (("ab", (400, 800)), ("a queue", (400, 801)), ("default", (400, 801))):
        with pytest.raises(Refused) as refused:
            api.queue(name)
        assert refused.value.code == code
        with pytest.raises(Refused) as refused:
            api("queues.update", queue=api.queue(f"other than {name}"), name=name)
        assert refused.value.code == code
    assert api("queues.update", queue=queue, name="renamed", tags=["t"])["fields"]["tags"] == ["t"]
    assert api("queues.get_by_id", queue=queue)["queue"]["name"] == "renamed"


def test_a_queue_with_tasks_in_it_is_deleted_by_force(api: Api) -> None:
    queue, task = api.queue(), api.task()
    api("tasks.enqueue", task=task, queue=queue)
    with pytest.raises(Refused) as refused:
        api("queues.delete", queue=queue)
    assert refused.value.code == (400, 702)
    assert api("queues.delete", queue=queue, force=True) == {"deleted": 1}
    assert api.status(task) == "created"
    with pytest.raises(Refused) as refused:
        api("queues.get_by_id", queue=queue)
    assert refused.value.code == (400, 701)


def test_metadata(api: Api) -> None:
    queue = api.queue()
    api("queues.add_or_update_metadata", queue=queue, metadata=[{"key": "a", "type": "str", "value": "1"}])
    assert api("queues.get_by_id", queue=queue)["queue"]["metadata"]["a"]["value"] == "1"
    api("queues.delete_metadata", queue=queue, keys=["a"])
    assert api("queues.get_by_id", queue=queue)["queue"]["metadata"] == {}
