"""Samples of each queue's length and average waiting time. Kept for a week."""

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import NamedTuple

KEPT_MS = 7 * 24 * 3600 * 1000


class Sample(NamedTuple):
    """State of a queue: `at` in milliseconds since the epoch, `waiting` the average in seconds."""

    queue: str
    at: int
    waiting: float
    length: int


class Samples:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def take(self, queue: str) -> None:
        """Store a sample of a queue now, and delete samples of the queue that are older than a week."""
        at = int(time.time() * 1000)
        self.add(self.now(queue, at))
        self._connection.execute("DELETE FROM queue_samples WHERE queue = ? AND at < ?", (queue, at - KEPT_MS))

    def add(self, sample: Sample) -> None:
        self._connection.execute("INSERT INTO queue_samples VALUES (?, ?, ?, ?)", sample)

    def now(self, queue: str, at: int) -> Sample:
        """Return the present state of a queue, measured at `at` (milliseconds since the epoch)."""
        waiting, length = self._connection.execute(
            "SELECT coalesce(avg(max(0, ? / 1000.0 - (julianday(added) - 2440587.5) * 86400)), 0), count(*)"
            " FROM queue_entries WHERE queue = ?",
            (at, queue),
        ).fetchone()
        return Sample(queue, at, waiting, length)

    def until(self, end: int, queues: Sequence[str]) -> list[Sample]:
        """Return all samples of some queues up to `end`, in the order of time."""
        rows = self._connection.execute(
            "SELECT queue, at, waiting, length FROM queue_samples"
            " WHERE queue IN (SELECT value FROM json_each(?)) AND at <= ? ORDER BY at, rowid",
            (json.dumps(list(queues)), end),
        )
        return [Sample(*row) for row in rows]

    def forget(self, queue: str) -> None:
        self._connection.execute("DELETE FROM queue_samples WHERE queue = ?", (queue,))
