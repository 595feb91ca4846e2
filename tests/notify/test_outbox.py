"""The rows: no clock, no network."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearml_flows.errors import FlowsError
from clearml_flows.notify.outbox import LONGEST_WAIT, TOO_MANY, TOO_OLD, Limits, Outbox, Waiting
from clearml_flows.notify.outcome import AGAIN, REFUSED, SENT, Outcome
from clearml_flows.notify.schema import KIND
from tests.notify.conftest import NOON, after, failed

LEASE = timedelta(seconds=30)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    one = Outbox(tmp_path, Limits(3, 100, timedelta(days=1)))
    yield one
    one.close()


def put(outbox: Outbox, *keys: str) -> None:
    for key in keys:
        outbox.put(key, failed(key), ["mail"])


def tried(outbox: Outbox, seconds: float, state: str, most: int = 1) -> list[str]:
    """The keys that are claimed so many seconds after noon; all of them get this outcome."""
    now = after(seconds=seconds)
    found = outbox.claim("mail", now, now + LEASE, most)
    outbox.settle("mail", found, {one.number: Outcome(state, "why") for one in found}, now)
    return [one.event.key for one in found]


def told(given_up: list[tuple[Waiting, str]]) -> list[tuple[str, str]]:
    return [(one.event.key, why) for one, why in given_up]


def test_messages_are_sent_in_their_order(outbox: Outbox) -> None:
    put(outbox, "a", "b", "c")
    assert tried(outbox, 0, SENT, most=2) == ["a", "b"]
    assert tried(outbox, 0, SENT, most=2) == ["c"]
    assert tried(outbox, 0, SENT, most=2) == []


def test_a_message_that_fails_alone_lets_the_others_go_first(outbox: Outbox) -> None:
    put(outbox, "poison", "b", "c")
    assert [tried(outbox, hour * 3600, AGAIN) for hour in range(3)] == [["poison"]] * 3
    assert tried(outbox, 4 * 3600, SENT, most=2) == ["b", "c"]
    assert tried(outbox, 4 * 3600, REFUSED) == ["poison"]


def test_pauses_have_an_end(outbox: Outbox) -> None:
    put(outbox, "a")
    now = NOON
    for _ in range(30):
        found = outbox.claim("mail", now, now + LEASE, 1)
        assert len(found) == 1
        outbox.settle("mail", found, {found[0].number: Outcome(AGAIN, "why")}, now)
        now += timedelta(seconds=LONGEST_WAIT)


def test_two_processes_do_not_send_the_same_message(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, "a")
    other = Outbox(tmp_path, Limits(3, 100, timedelta(days=1)))
    assert len(outbox.claim("mail", NOON, NOON + LEASE, 1)) == 1
    assert other.claim("mail", after(seconds=29), after(seconds=59), 1) == []
    # The first one was killed.
    assert len(other.claim("mail", after(seconds=30), after(seconds=60), 1)) == 1
    other.close()


def test_what_is_too_much_or_too_old_is_given_up(outbox: Outbox) -> None:
    put(outbox, "a", "b", "c", "d", "e")
    assert told(outbox.give_up_old(NOON)) == [("a", TOO_MANY), ("b", TOO_MANY)]
    assert outbox.give_up_old(after(days=1)) == []
    assert told(outbox.give_up_old(after(days=1, seconds=1))) == [(key, TOO_OLD) for key in "cde"]
    assert outbox.told()["mail"]["given_up"] == 5
    assert outbox.retry(["mail"]) == 5
    outbox.give_up_old(after(days=2))
    assert tried(outbox, 2 * 86400, SENT, most=9) == ["c", "d", "e"]


def test_an_age_is_counted_from_the_first_look_at_a_message_not_from_the_event(outbox: Outbox) -> None:
    put(outbox, "found after a week")
    assert outbox.give_up_old(after(days=7)) == []
    assert tried(outbox, 7 * 86400, SENT) == ["found after a week"]


def test_what_was_sent_is_remembered_for_long_but_not_for_ever(outbox: Outbox) -> None:
    put(outbox, "a")
    assert tried(outbox, 0, SENT) == ["a"]
    outbox.give_up_old(after(days=399))
    put(outbox, "a")
    assert tried(outbox, 399 * 86400, SENT) == []
    outbox.give_up_old(after(days=401))
    put(outbox, "a")
    assert tried(outbox, 401 * 86400, SENT) == ["a"]


def test_what_waits_is_dropped_by_hand(outbox: Outbox) -> None:
    put(outbox, "a", "b")
    assert outbox.drop(["mail", "other"], NOON) == 2
    assert tried(outbox, 0, SENT) == []
    put(outbox, "a")
    assert tried(outbox, 0, SENT) == []


def test_a_key_of_any_characters(outbox: Outbox) -> None:
    for key in ("a\udc80", "a\udc81", "\x00", ""):
        outbox.put(key, failed("shown"), ["mail"])
        outbox.put(key, failed("shown"), ["mail"])
    assert len(outbox.claim("mail", NOON, NOON + LEASE, 9)) == 4


def test_a_damaged_file_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / KIND.file).write_bytes(b"not SQLite")
    with pytest.raises(FlowsError, match=r"notifications\.sqlite does not hold notifications, or is damaged"):
        Outbox(tmp_path, Limits(1, 1, LEASE))
    assert (tmp_path / KIND.file).read_bytes() == b"not SQLite"


def test_what_ended_while_it_was_under_way_stays_so_unless_it_was_sent(outbox: Outbox) -> None:
    put(outbox, "a", "b")
    found = outbox.claim("mail", NOON, NOON + LEASE, 2)
    outbox.drop(["mail"], NOON)
    outcomes = {found[0].number: Outcome(SENT), found[1].number: Outcome(AGAIN, "why")}
    outbox.settle("mail", found, outcomes, NOON)
    counts = outbox.told()["mail"]
    assert (counts["pending"], counts["sent"], counts["given_up"]) == (0, 1, 1)
