import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.query import Selection


def test_documents_are_kept_as_they_are(store: Store) -> None:
    document = {"id": "a", "name": 'ü "\\ \n', "x": {"y.z": [1, 2.5, None, True, 2**70]}, "": {}}
    with store.write() as db:
        db.tasks.insert(document)
        assert db.tasks.get("a") == document
        assert db.tasks.get("b") is None


def test_tags_are_kept_sorted(store: Store) -> None:
    document = {"id": "a", "tags": ["b", "A", "a"], "system_tags": None}
    with store.write() as db:
        db.tasks.insert(document)
        assert db.tasks.get("a") == {"id": "a", "tags": ["A", "a", "b"], "system_tags": []} == document
        db.tasks.save({"id": "a", "tags": ["d", "c"]})
        assert db.tasks.get("a") == {"id": "a", "tags": ["c", "d"]}


def test_the_same_name_twice_is_a_duplicate(store: Store) -> None:
    with store.write() as db:
        db.projects.insert({"id": "a", "name": "p"})
        db.projects.insert({"id": "b", "name": "q"})
    with pytest.raises(errors.Duplicate), store.write() as db:
        db.projects.insert({"id": "c", "name": "p"})
    with pytest.raises(errors.Duplicate), store.write() as db:
        db.projects.save({"id": "b", "name": "p"})


def test_delete_says_whether_there_was_something(store: Store) -> None:
    with store.write() as db:
        db.tasks.insert({"id": "a", "name": "a"})
        assert db.tasks.delete("a")
        assert not db.tasks.delete("a")


def test_counting_and_distinct_values(store: Store) -> None:
    with store.write() as db:
        for number, (status, tags) in enumerate([("created", ["a"]), ("created", ["b", "a"]), ("failed", [])]):
            db.tasks.insert({"id": str(number), "name": "n", "status": status, "tags": tags})
        db.tasks.insert({"id": "x", "name": "n"})
        assert db.tasks.count(Selection().equal("status", "created")) == 2
        assert db.tasks.distinct("status", Selection()) == ["created", "failed"]
        assert db.tasks.distinct("tags", Selection().equal("status", "created")) == ["a", "b"]
        assert db.tasks.counts(["status"], Selection().equal("status", "created")) == [("created", 2)]


def test_all_is_not_limited_and_one_is_the_first(store: Store) -> None:
    with store.write() as db:
        for number in range(600):
            db.tasks.insert({"id": str(number), "name": "n"})
        assert len(db.tasks.find(Selection())) == 500
        assert len(list(db.tasks.all(Selection()))) == 600
        assert db.tasks.one(Selection()) == {"id": "0", "name": "n"}
        assert db.tasks.one(Selection().equal("name", "other")) is None
