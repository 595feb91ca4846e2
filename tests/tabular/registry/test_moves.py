"""The tag `production`: on one model, moved as a whole or not at all, and taken back exactly."""

from copy import deepcopy
from typing import Any

import pytest

from clearml_flows.tabular.registry.moves import (
    find_production,
    promote_model,
    read_moves,
    roll_back,
    was_rolled_back,
)
from clearml_flows.tabular.registry.promotion_lock import free_lock, hold_lock, take_lock
from tests.support.fake_registry import FakeRegistry

TOLD = {"who": "Ann", "via": "command line", "why": "it is better"}


def three_models() -> dict[str, list[str]]:
    return {"new": ["candidate", "mine"], "old": ["production", "synthetic"], "older": ["previous-production"]}


def promote(registry: FakeRegistry, name: str, expected: str) -> str:
    return promote_model(registry, registry.entry(name), expected, TOLD)


def production(registry: FakeRegistry) -> str:
    found = find_production(registry.get_all())
    return found.id if found else ""


def back(registry: FakeRegistry, number: int) -> dict[str, Any]:
    return roll_back(registry, "churn", "p1", number, {**TOLD, "why": "complaints"})


def test_promotion_moves_the_tags_and_keeps_the_others() -> None:
    registry = FakeRegistry(three_models())
    assert promote(registry, "new", "old") == ""
    assert registry.tags == {
        "new": ["mine", "production"],
        "old": ["synthetic", "previous-production"],
        "older": [],
    }
    assert registry.locks == {}


def test_a_move_is_recorded_with_who_when_why_from_and_to() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    (record,) = registry.records()
    assert {name: record[name] for name in TOLD} == TOLD
    assert (record["number"], record["action"], record["from"], record["to"]) == (1, "promote", "old", "new")
    assert (record["state"], record["before"]) == ("done", three_models())
    assert record["when"].endswith("+00:00")


def test_promoting_the_production_model_again_changes_nothing() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    before = deepcopy((registry.tags, registry.metadata))
    assert promote(registry, "new", "new") == ""
    assert (registry.tags, registry.metadata) == before


def test_who_decided_against_another_model_does_not_win() -> None:
    registry = FakeRegistry({"third": ["candidate"], **three_models()})
    assert promote(registry, "new", "old") == ""
    before = deepcopy(registry.tags)
    assert promote(registry, "third", "old") == "production moved to new meanwhile: judge it against that one"
    assert promote(registry, "third", "") != ""
    assert registry.tags == before


def test_two_production_models_by_hand_become_one() -> None:
    registry = FakeRegistry({"new": ["candidate"], "a": ["production"], "b": ["production"]})
    assert promote(registry, "new", "a") == ""
    assert registry.tags == {"new": ["production"], "a": ["previous-production"], "b": ["previous-production"]}


@pytest.mark.parametrize("changes", range(6))
def test_a_move_that_breaks_off_never_leaves_two_and_is_taken_back(changes: int) -> None:
    registry = FakeRegistry(three_models(), changes)
    if changes < 5:
        with pytest.raises(ConnectionError):
            promote(registry, "new", "old")
    else:
        promote(registry, "new", "old")
    assert all(len(names) <= 1 for names in registry.seen)
    # Who asks for the production model in between gets one, too.
    expected = production(registry)
    assert expected == ("new" if changes >= 4 else "old")
    registry.changes = 1000
    if changes < 5:
        assert promote(registry, "older", "old") == ""
        assert registry.tags["old"] == ["synthetic", "previous-production"]
        assert registry.tags["new"] == ["candidate", "mine"]
        assert registry.tags["older"] == ["production"]
        states = [record["state"] for record in registry.records()]
        assert states == (["undone", "done"] if changes else ["done"])


def test_rollback_restores_the_former_state_exactly() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    record = back(registry, 1)
    assert registry.tags == three_models()
    assert (record["action"], record["from"], record["to"], record["undoes"]) == ("rollback", "new", "old", 1)
    assert record["why"] == "complaints"
    assert all(len(names) <= 1 for names in registry.seen)


def test_rollbacks_go_back_one_promotion_after_the_other() -> None:
    registry = FakeRegistry({"c": ["candidate"], "b": ["candidate"], "a": ["candidate"]})
    states = [deepcopy(registry.tags)]
    for name, expected in [("a", ""), ("b", "a"), ("c", "b")]:
        promote(registry, name, expected)
        states.append(deepcopy(registry.tags))
    for number in (3, 2, 1):
        back(registry, number)
        assert registry.tags == states[number - 1]
    with pytest.raises(ValueError, match="not as promotion 1 left it"):
        back(registry, 1)
    assert [record["number"] for record in registry.records()] == [1, 2, 3, 4, 5, 6]


def test_a_rollback_keeps_tags_that_were_added_meanwhile() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    registry.tags["new"].append("slow")
    back(registry, 1)
    assert registry.tags["new"] == ["mine", "slow", "candidate"]


def test_a_rollback_of_something_else_is_refused() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    registry.tags |= {"new": ["mine"], "older": ["production"]}
    before = deepcopy(registry.tags)
    with pytest.raises(ValueError, match="production of churn is not as promotion 1 left it"):
        back(registry, 1)
    with pytest.raises(ValueError, match="not as promotion 7 left it"):
        back(registry, 7)
    assert registry.tags == before
    assert registry.locks == {}


def test_what_was_rolled_back_is_known_until_it_is_promoted_again() -> None:
    registry = FakeRegistry(three_models())
    promote(registry, "new", "old")
    assert was_rolled_back(read_moves(registry.get_all()), "new") is None
    back(registry, 1)
    moves = read_moves(registry.get_all())
    assert (was_rolled_back(moves, "new") or {})["why"] == "complaints"
    assert was_rolled_back(moves, "old") is None
    promote(registry, "new", "old")
    assert was_rolled_back(read_moves(registry.get_all()), "new") is None


def test_a_damaged_record_is_named() -> None:
    registry = FakeRegistry(three_models())
    registry.metadata["old"]["move-000001"] = {"key": "move-000001", "value": "{oops"}
    with pytest.raises(ValueError, match="move-000001 of model old is no record"):
        read_moves(registry.get_all())


def test_a_lock_is_held_by_one_and_a_dead_holder_s_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    registry = FakeRegistry({})
    dead = take_lock(registry, "churn", "p1")
    mine = take_lock(registry, "churn", "p1", stale_s=0.05, pause_s=0.01)
    assert mine["id"] != dead["id"]
    assert "was broken off and left its lock" in capsys.readouterr().out
    free_lock(registry, dead)
    assert registry.locks
    free_lock(registry, mine)
    assert not registry.locks


def test_an_answer_that_got_lost_does_not_lock_us_out() -> None:
    registry = FakeRegistry({})
    create = registry.queues.create

    def lossy(**queue: Any) -> Any:
        create(**queue)
        return create(**queue)

    registry.queues.create = lossy
    lock = take_lock(registry, "churn", "p1")
    assert lock["id"] in {one.id for one in registry.locks.values()}


def test_nothing_is_written_under_a_lock_that_may_be_taken_away() -> None:
    lock = take_lock(FakeRegistry({}), "churn", "p1", stale_s=-1.0)
    with pytest.raises(RuntimeError, match="took too long to answer"):
        hold_lock(lock)
