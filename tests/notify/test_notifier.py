"""What comes of an event, with a real receiver on loopback that answers well, badly, late or never."""

import json
import stat
import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from clearml_flows.localserver.credentials import load_or_create
from tests.notify.conftest import NOON, Made, after, failed, state
from tests.support.webhook import Reply, receiving

TOKEN = "T0PS3CRETT0KEN"


def test_an_event_is_told_once_however_often_it_is_put(notifier: Made) -> None:
    with receiving() as receiver:
        first = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        first.put(failed())
        first.put(failed())
        first.deliver(NOON)
        first.put(failed())
        first.close()
        again = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        again.put(failed())
        again.deliver(after(days=1))
        assert [posted.json["key"] for posted in receiver.posted] == ["run 3f9a failed"]
        assert state(again) == (0, 1, 0)


def test_what_the_server_cannot_take_now_is_tried_again_after_pauses_that_double(notifier: Made) -> None:
    with receiving(Reply(500), Reply(503), Reply(408), Reply(200)) as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.put(failed())
        # Tries are at 0, 30, 30 + 60 and 90 + 120 seconds; a look in between changes nothing.
        for seconds, tries in [(0, 1), (29, 1), (30, 2), (89, 2), (90, 3), (209, 3), (210, 4), (900, 4)]:
            told.deliver(after(seconds=seconds))
            assert len(receiver.posted) == tries, seconds
        assert state(told) == (0, 1, 0)


def test_a_server_may_say_when_to_come_again(notifier: Made) -> None:
    with receiving(Reply(429, {"Retry-After": "300"}), Reply(200)) as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.put(failed())
        for seconds in (0, 299, 300):
            told.deliver(after(seconds=seconds))
            assert len(receiver.posted) == (1 if seconds < 300 else 2)
        assert state(told) == (0, 1, 0)


@pytest.mark.parametrize("status", [307, 404])
def test_what_the_server_refuses_is_given_up_with_a_word(notifier: Made, status: int) -> None:
    with receiving() as target, receiving(Reply(status, {"Location": target.url})) as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=f"{receiver.url}/{TOKEN}")
        told.put(failed())
        told.deliver(NOON)
        told.deliver(after(days=1))
        assert len(receiver.posted) == 1
        assert target.posted == []
        assert state(told) == (0, 0, 1)
        assert f"given up webhook {receiver.url}/… (it answered {status} " in told.journal.path.read_text()


@pytest.mark.parametrize("trouble", ["hang", "dribble", "reset"])
def test_a_channel_that_does_not_answer_keeps_no_other_waiting(notifier: Made, trouble: str) -> None:
    with receiving(Reply(trouble=trouble), Reply()) as dead, receiving() as alive:
        told = notifier({"timeout": 3.0}, FLOWS_NOTIFY_DEAD=dead.url, FLOWS_NOTIFY_LIVE=alive.url)
        told.put(failed("a"))
        told.put(failed("b"))
        begun = monotonic()
        told.deliver(NOON)
        assert monotonic() - begun < 60
        assert [posted.json["key"] for posted in alive.posted] == ["a", "b"]
        assert (state(told, "dead"), state(told, "live")) == ((2, 0, 0), (0, 2, 0))
        lines = told.journal.path.read_text().splitlines()
        assert trouble == "reset" or [line.split()[1] for line in lines] == ["sent", "sent", "failed"]
        told.deliver(after(seconds=30))
        assert [posted.json["key"] for posted in dead.posted] == ["a", "a", "b"]
        assert state(told, "dead") == (0, 2, 0)


def test_a_message_is_given_up_after_so_many_attempts(notifier: Made) -> None:
    with receiving(Reply(500)) as receiver:
        told = notifier({"attempts": 2}, CLEARML_WEBHOOK_URL=receiver.url)
        told.put(failed())
        told.deliver(NOON)
        told.deliver(after(hours=1))
        told.deliver(after(hours=2))
        assert (len(receiver.posted), state(told)) == (2, (0, 0, 1))
        assert "(after 2 attempts; it answered 500 Internal Server Error)" in told.journal.path.read_text()


def test_nobody_listens_there(notifier: Made) -> None:
    with receiving() as receiver:
        url = receiver.url
    told = notifier(CLEARML_WEBHOOK_URL=f"{url}/{TOKEN}")
    told.put(failed())
    told.deliver(NOON)
    assert told.outbox.told()["webhook"]["error"] == "no connection: connection refused"


def test_the_log_has_a_line_for_each_attempt_and_no_secret(notifier: Made) -> None:
    with receiving(Reply(500), Reply(200)) as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=f"{receiver.url}/{TOKEN}?key={TOKEN}")
        told.put(failed(error=f"cannot reach {receiver.url}/{TOKEN}"))
        told.deliver(NOON)
        told.deliver(after(minutes=1))
        what = "failed: churn failed in train_sweep [run 3f9a failed]"
        assert told.journal.path.read_text().splitlines() == [
            f"[2026-11-23T12:00:00Z] failed webhook {receiver.url}/… (attempt 1, next at 2026-11-23T12:00:30Z; "
            f"it answered 500 Internal Server Error): {what}",
            f"[2026-11-23T12:01:00Z] sent webhook {receiver.url}/…: {what}",
        ]
        assert stat.S_IMODE(told.journal.path.stat().st_mode) == 0o600
        assert TOKEN not in receiver.posted[-1].body.decode()
        assert TOKEN.encode() not in b"".join(path.read_bytes() for path in told.journal.path.parents[1].glob("*.*"))


def test_the_log_is_rotated(notifier: Made) -> None:
    told = notifier()
    told.journal.write(NOON, "x" * 5_000_001)
    told.journal.write(NOON, "two\nlines")
    assert told.journal.path.read_text() == "[2026-11-23T12:00:00Z] two lines\n"
    assert told.journal.path.with_suffix(".old.log").stat().st_size > 5_000_000


def test_events_go_where_the_routes_say(notifier: Made) -> None:
    with receiving() as receiver:
        urls = {"FLOWS_NOTIFY_A": receiver.url, "FLOWS_NOTIFY_B": receiver.url}
        told = notifier({"routes": {"failed": ["b"], "completed": ["all"], "lost": []}}, **urls)
        for kind in ("failed", "completed", "lost", "stuck", "skipped"):
            told.put(failed(kind, kind))
        waiting = {name: one["pending"] for name, one in told.outbox.told().items()}
        assert waiting == {"a": 2, "b": 3}


def test_a_clock_that_is_set_back_delays_no_message(notifier: Made) -> None:
    with receiving(Reply(500), Reply(200)) as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.put(failed())
        told.deliver(NOON)
        told.deliver(NOON - timedelta(days=30))
        assert state(told) == (0, 1, 0)


def test_keys_that_look_like_ids_are_masked_too(
    notifier: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        embedded = load_or_create(tmp_path)
        kaggle, server = "0123456789abcdef" * 2, "fedcba9876543210" * 2
        (tmp_path / "kaggle.json").write_text(json.dumps({"username": "somebody", "key": kaggle}))
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
        monkeypatch.setenv("CLEARML_API_SECRET_KEY", server)
        run = "3f9a81c2d4e5f60718293a4b5c6d7e8f"
        told.put(failed(error=f"{run} {embedded.secret_key} {embedded.access_key} {kaggle} {server}"))
        told.deliver(NOON)
        assert receiver.posted[0].json["error"] == f"{run} *** *** *** ***"


@pytest.mark.parametrize(
    ("python", "error"),
    [
        ("/bin/false", "the sending process ended with exit code 1"),
        ("/no/such/python", "no process can be started: No such file or directory"),
    ],
)
def test_a_process_that_breaks_off_is_a_failure_like_others(
    notifier: Made, monkeypatch: pytest.MonkeyPatch, python: str, error: str
) -> None:
    told = notifier(CLEARML_WEBHOOK_URL="http://127.0.0.1:9")
    told.put(failed("a"))
    told.put(failed("b"))
    monkeypatch.setattr(sys, "executable", python)
    told.deliver(NOON)
    assert (state(told), told.outbox.told()["webhook"]["error"]) == ((2, 0, 0), error)
    assert told.journal.path.read_text().count("\n") == 1
