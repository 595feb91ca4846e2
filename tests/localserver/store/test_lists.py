"""ClearML's own example of the language is in the SDK's Task.query_tasks."""

from typing import Any

import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.query import select

TASKS = {"none": [], "a": ["a"], "b": ["b"], "ab": ["a", "b"], "abc": ["a", "b", "c"], "-c": ["-c"]}


@pytest.fixture
def tagged(store: Store) -> Store:
    with store.write() as db:
        for name, tags in TASKS.items():
            db.tasks.insert({"id": name, "name": name, "tags": tags, "status": name[:1]})
    return store


def found(store: Store, **filters: Any) -> str:
    with store.read() as db:
        return " ".join(task["id"] for task in db.tasks.find(select(db.tasks.entity, filters)))


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ([], "none a b ab abc -c"),
        (["a"], "a ab abc"),
        ("a", "a ab abc"),
        (["a", "b"], "a b ab abc"),
        (["-a"], "none b -c"),
        (["a", "-b"], "a"),
        (["-a", "-b"], "none -c"),
        (["__$not", "a"], "none b -c"),
        (["a", "__$not", "c"], "a ab"),
        (["__$all", "a", "b"], "ab abc"),
        (["__$and", "a", "b"], "ab abc"),
        (["__$all", "a", "b", "__$not", "c"], "ab"),
        # A minus excludes only before the first operator.
        (["__$all", "a", "-b"], ""),
        (["-b", "__$nop", "-c"], "none a -c"),
        (["__$any", "a", "b"], "a b ab abc"),
        (["__$or", "a", "__$not", "b"], "none a ab abc -c"),
        (["__$all", "a", "b", "__$or", "c", "__$not", "a"], ""),
        (["__$all", "a", "__$and", "__$or", "b", "c"], "ab abc"),
        (["__$or", "a", None], "none a ab abc"),
        (["nothing"], ""),
        (["'; DROP TABLE tasks; --"], ""),
    ],
)
def test_tags(tagged: Store, tags: Any, names: str) -> None:
    assert found(tagged, tags=tags) == names


@pytest.mark.parametrize(
    ("status", "names"),
    [(["a"], "a ab abc"), (["-a"], "none b -c"), (["a", "b"], "a b ab abc"), (["__$all", "a"], "a ab abc")],
)
def test_single_values(tagged: Store, status: Any, names: str) -> None:
    assert found(tagged, status=status) == names


def test_none_stands_for_what_has_no_value(tagged: Store) -> None:
    with tagged.write() as db:
        db.tasks.insert({"id": "child", "name": "child", "tags": [], "parent": "a"})
    assert found(tagged, parent=[None]) == "none a b ab abc -c"
    assert found(tagged, parent=[None, "a"]) == "none a b ab abc -c child"
    assert found(tagged, parent=["-a"]) == "none a b ab abc -c"


@pytest.mark.parametrize(
    "tags", [[["a"]], [{}], [5], ["a"] * 20_001, ["__$not", "__$not", "a"], ["__$not"], ["__$some", "a"], ["-"]]
)
def test_what_is_no_list_of_values_is_refused(tagged: Store, tags: Any) -> None:
    with pytest.raises(errors.InvalidFields):
        found(tagged, tags=tags)


def test_thousands_of_ids_are_one_question(tagged: Store) -> None:
    assert found(tagged, id=["a", "ab", *(str(number) for number in range(10_000))]) == "a ab"
