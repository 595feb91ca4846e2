"""Notification outbox in SQLite: pending, sent and given up messages.

Only this module writes to the database. Callers pass `now`.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clearml_flows.database import Database
from clearml_flows.events import Event
from clearml_flows.notify.outcome import AGAIN, SENT, Outcome
from clearml_flows.notify.schema import KIND
from clearml_flows.schedule.records import text

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0
REMEMBERED = timedelta(days=400)  # events are kept this long, to recognise duplicates
MOST_EVENTS = 50_000  # and at most this many
FORGET_EVERY = timedelta(hours=1)
TRIES_IN_TURN = 3  # a message with more attempts goes after the others
TOO_MANY = "too many messages waited for this channel"
TOO_OLD = "it was tried for too long"
DROPPED = "dropped by hand"


@dataclass(frozen=True)
class Waiting:
    """A pending message."""

    number: int
    channel: str
    attempts: int
    event: Event


@dataclass(frozen=True)
class Limits:
    """Limits of a channel: pending messages, attempts per message, and age of a message."""

    most: int
    attempts: int
    age: timedelta


class Outbox:
    """Store of events and their messages."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._database = Database(folder, KIND)
        self._limits = limits
        self._forgot: datetime | None = None

    def close(self) -> None:
        self._database.close()

    def put(self, key: str, event: Event, channels: Iterable[str]) -> None:
        """Store a message for each channel, unless an event with this key exists. Durable on return."""
        names = list(dict.fromkeys(channels))
        facts = dict(event.facts) if names else {}
        row = (_id(key), event.key, event.kind, event.at.isoformat(), event.subject, json.dumps(facts))
        with self._database.write() as connection:
            made = connection.execute(
                "INSERT OR IGNORE INTO events (id, key, kind, at, subject, facts) VALUES (?, ?, ?, ?, ?, ?)", row
            )
            if made.rowcount:
                connection.executemany(
                    "INSERT INTO messages (event, channel, state) VALUES (?, ?, 'pending')",
                    [(made.lastrowid, name) for name in names],
                )

    def give_up_old(self, now: datetime) -> list[tuple[Waiting, str]]:
        """Give up messages that are too old or too many, and return each with its reason."""
        with self._database.write() as connection:
            connection.execute("UPDATE messages SET seen = ? WHERE state = 'pending' AND seen IS NULL", (text(now),))
            old = _give_up(connection, now, TOO_OLD, _OLD, text(now - self._limits.age))
            many = _give_up(connection, now, TOO_MANY, _MANY, self._limits.most)
            if self._forgot is None or abs(now - self._forgot) >= FORGET_EVERY:
                _forget(connection, now)
                self._forgot = now
        return [*((one, TOO_OLD) for one in old), *((one, TOO_MANY) for one in many)]

    def claim(self, channel: str, now: datetime, until: datetime, most: int) -> list[Waiting]:
        """Claim the next messages of a channel for this process, up to `until` or until `settle`.

        Returns:
            The messages. Empty while the channel backs off, or while another process has claimed its messages.
        """
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO channels (name) VALUES (?)", (channel,))
            row = connection.execute("SELECT * FROM channels WHERE name = ?", (channel,)).fetchone()
            if _ahead(row["busy_until"], now, until - now) or _ahead(row["next_try"], now, LONGEST):
                return []
            found = connection.execute(_NEXT, (channel, TRIES_IN_TURN, most)).fetchall()
            if found:
                connection.execute("UPDATE channels SET busy_until = ? WHERE name = ?", (text(until), channel))
        return [_waiting(one) for one in found]

    def settle(
        self, channel: str, messages: Sequence[Waiting], outcomes: Mapping[int, Outcome], now: datetime
    ) -> dict[int, str]:
        """Record the outcomes of claimed messages. Messages without an outcome stay pending.

        A message that ended in the meantime keeps its state, unless it was sent.

        Returns:
            The new state of each message with an outcome, by number: sent, pending or given_up.
        """
        states: dict[int, str] = {}
        with self._database.write() as connection:
            connection.execute("UPDATE channels SET busy_until = NULL WHERE name = ?", (channel,))
            for message in messages:
                outcome = outcomes.get(message.number)
                if outcome:
                    states[message.number] = self._settle_one(connection, message, outcome, now)
        return states

    def retry(self, channels: Sequence[str]) -> int:
        """Make given up messages pending and all messages due now. Return how many were given up."""
        with self._database.write() as connection:
            count = sum(connection.execute(_RETRY, (channel,)).rowcount for channel in channels)
            connection.executemany(
                "UPDATE channels SET failures = 0, next_try = NULL WHERE name = ?", [(channel,) for channel in channels]
            )
        return count

    def drop(self, channels: Sequence[str], now: datetime) -> int:
        """Give up the pending messages of these channels and return their number."""
        with self._database.write() as connection:
            ended = [_give_up(connection, now, DROPPED, _WAITING, channel) for channel in channels]
        return sum(map(len, ended))

    def told(self) -> dict[str, dict[str, Any]]:
        """Return each channel's number of pending, sent and given up messages, and its last error."""
        return {row["name"]: dict(row) for row in self._database.read(_TOLD)}

    def next_try(self, channel: str) -> str | None:
        rows = self._database.read("SELECT next_try FROM channels WHERE name = ?", channel)
        return rows[0]["next_try"] if rows else None

    def _settle_one(self, connection: sqlite3.Connection, message: Waiting, outcome: Outcome, now: datetime) -> str:
        attempts = message.attempts + 1
        again = outcome.state == AGAIN and attempts < self._limits.attempts
        state = "pending" if again else ("sent" if outcome.state == SENT else "given_up")
        connection.execute(
            "UPDATE messages SET state = ?, attempts = ?, error = ?, ended = ?"
            " WHERE number = ? AND (state = 'pending' OR ? = 'sent')",
            (state, attempts, outcome.error, None if again else text(now), message.number, state),
        )
        connection.execute(_EMPTY, (message.number,))
        if outcome.state == AGAIN:
            _back_off(connection, message.channel, outcome, now)
        else:
            connection.execute(
                "UPDATE channels SET failures = 0, next_try = NULL, error = ? WHERE name = ?",
                (outcome.error, message.channel),
            )
        return state


def _give_up(connection: sqlite3.Connection, now: datetime, why: str, which: str, value: object) -> list[Waiting]:
    found = [_waiting(row) for row in connection.execute(_SELECT + which, (value,)).fetchall()]
    connection.executemany(
        "UPDATE messages SET state = 'given_up', ended = ?, error = ? WHERE number = ?",
        [(text(now), why, message.number) for message in found],
    )
    return found


def _back_off(connection: sqlite3.Connection, channel: str, outcome: Outcome, now: datetime) -> None:
    (failures,) = connection.execute("SELECT failures FROM channels WHERE name = ?", (channel,)).fetchone()
    wait = min(LONGEST_WAIT, max(outcome.after or 0.0, FIRST_WAIT * 2 ** min(failures, 20)))
    connection.execute(
        "UPDATE channels SET failures = failures + 1, next_try = ?, error = ? WHERE name = ?",
        (text(now + timedelta(seconds=wait)), outcome.error, channel),
    )


def _forget(connection: sqlite3.Connection, now: datetime) -> None:
    """Delete old ended messages and their events."""
    connection.execute(
        "DELETE FROM messages WHERE state <> 'pending' AND (ended < ?"
        " OR event <= (SELECT max(number) FROM events) - ?)",
        (text(now - REMEMBERED), MOST_EVENTS),
    )
    connection.execute(
        "DELETE FROM events WHERE (at < ? OR number <= (SELECT max(number) FROM events) - ?)"
        " AND number NOT IN (SELECT event FROM messages)",
        (text(now - REMEMBERED), MOST_EVENTS),
    )


def _ahead(when: str | None, now: datetime, most: timedelta) -> bool:
    """Return whether the time is in the future.

    A time further ahead than `most` counts as past, since the clock was set back.
    """
    return when is not None and now < datetime.fromisoformat(when) <= now + most


def _waiting(row: sqlite3.Row) -> Waiting:
    at = datetime.fromisoformat(row["at"])
    event = Event(row["key"], row["kind"], at, row["subject"], json.loads(row["facts"]))
    return Waiting(row["number"], row["channel"], row["attempts"], event)


def _id(key: str) -> str:
    """Return a hash of the key, which may contain a secret or characters that SQLite rejects."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


LONGEST = timedelta(seconds=LONGEST_WAIT)
_SELECT = (
    "SELECT messages.number, channel, attempts, key, kind, at, subject, facts"
    " FROM messages JOIN events ON events.number = messages.event WHERE state = 'pending' AND "
)
_NEXT = _SELECT + "channel = ? ORDER BY attempts >= ?, messages.number LIMIT ?"
_WAITING = "channel = ?"
_OLD = "seen < ?"
_MANY = (
    "messages.number IN (SELECT number FROM (SELECT number, row_number() OVER"
    " (PARTITION BY channel ORDER BY number DESC) AS place FROM messages WHERE state = 'pending') WHERE place > ?)"
)
# Once all messages of an event are sent, its facts are not needed.
_EMPTY = (
    "UPDATE events SET facts = '{}' WHERE number = (SELECT event FROM messages WHERE number = ?)"
    " AND NOT EXISTS (SELECT 1 FROM messages WHERE event = events.number AND state <> 'sent')"
)
_RETRY = (
    "UPDATE messages SET state = 'pending', attempts = 0, seen = NULL, ended = NULL"
    " WHERE state = 'given_up' AND channel = ?"
)
_TOLD = """
    SELECT channel AS name, sum(state = 'pending') AS pending, sum(state = 'sent') AS sent,
        sum(state = 'given_up') AS given_up, coalesce(failures, 0) AS failures, next_try,
        coalesce(channels.error, '') AS error
    FROM messages LEFT JOIN channels ON channels.name = channel GROUP BY channel ORDER BY channel
"""
