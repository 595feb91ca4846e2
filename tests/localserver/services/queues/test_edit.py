import pytest

from tests.support.api import Api, Json, Refused


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
    item = {"key": "a", "type": "int", "value": "1"}
    queue = api("queues.create", name="with metadata", metadata={"a": item})["id"]

    def read() -> Json:
        return dict(api("queues.get_all_ex", id=[queue])["queues"][0]["metadata"])

    assert read() == {"a": item}
    second = {"key": "b.c", "type": "str", "value": "2"}
    api("queues.add_or_update_metadata", queue=queue, metadata=[second])
    assert read() == {"a": item, "b.c": second}
    api("queues.delete_metadata", queue=queue, keys=["a"])
    assert read() == {"b.c": second}
    assert api("queues.update", queue=queue, metadata={"a": item})["updated"] == 1
    assert read() == {"a": item}
    refused = api.refusal("queues.create", name="other", metadata=[item])
    assert refused
    assert refused.code == (400, 12)


def test_a_change_is_answered_and_moves_no_time(api: Api) -> None:
    queue = api("queues.create", name="a queue", display_name="Shown")["id"]
    before = api("queues.get_by_id", queue=queue)["queue"]
    assert before["display_name"] == "Shown"
    answer = api("queues.update", queue=queue, tags=["b", "a"], display_name="Other")
    assert answer == {"updated": 1, "fields": {"tags": ["a", "b"], "display_name": "Other"}}
    assert api("queues.update", queue=queue) == {"updated": 0, "fields": {}}
    assert api("queues.get_by_id", queue=queue)["queue"]["last_update"] == before["last_update"]
