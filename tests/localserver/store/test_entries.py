from collections.abc import Iterator

import pytest

from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.entries import Entries


@pytest.fixture
def entries(store: Store) -> Iterator[Entries]:
    with store.write() as db:
        for number in range(4):
            assert db.entries.append("q", f"t{number}", "now")
        yield db.entries


def order(entries: Entries, queue: str = "q") -> str:
    return " ".join(entry["task"] for entry in entries.of(queue))


def test_first_in_first_out(entries: Entries) -> None:
    assert entries.pop("q") == {"task": "t0", "added": "now"}
    assert order(entries) == "t1 t2 t3"
    assert entries.append("q", "t0", "later")
    assert order(entries) == "t1 t2 t3 t0"
    assert entries.pop("other") is None


def test_a_task_waits_in_one_place_only(entries: Entries) -> None:
    assert not entries.append("q", "t0", "later")
    assert not entries.append("other", "t0", "later")
    assert entries.queue_of("t0") == "q"
    assert entries.queue_of("t9") is None
    assert entries.count("q") == 4


def test_removing_from_a_queue_or_from_wherever(entries: Entries) -> None:
    assert not entries.remove("t1", "other")
    assert entries.remove("t1", "q")
    assert entries.remove("t2")
    assert not entries.remove("t2")
    assert entries.clear("q") == ["t0", "t3"]
    assert order(entries) == ""


@pytest.mark.parametrize(
    ("task", "steps", "position", "expected"),
    [
        ("t2", -1, 1, "t0 t2 t1 t3"),
        ("t2", -9, 0, "t2 t0 t1 t3"),
        ("t0", 1, 1, "t1 t0 t2 t3"),
        ("t0", 9, 3, "t1 t2 t3 t0"),
        ("t0", 0, 0, "t0 t1 t2 t3"),
        ("t9", 1, None, "t0 t1 t2 t3"),
    ],
)
def test_moving(entries: Entries, task: str, steps: int, position: int | None, expected: str) -> None:
    assert entries.move("q", task, steps) == position
    assert order(entries) == expected
    entries.append("q", "new", "now")
    assert order(entries) == f"{expected} new"
