"""What workers reported of themselves, for a week."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

KEPT_SECONDS = 7 * 24 * 3600


class Report(NamedTuple):
    """`second` since the epoch; `task` is what the worker ran, if it ran one; `stats` are those of its machine."""

    worker: str
    second: int
    task: str | None
    stats: dict[str, Any]


class Reports:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, report: Report, now: int) -> None:
        """Keep a report, and forget those of its worker that are too old at the second `now`."""
        self._connection.execute(
            "INSERT INTO worker_reports VALUES (?, ?, ?, ?)",
            (report.worker, report.second, report.task, json.dumps(report.stats)),
        )
        self._connection.execute(
            "DELETE FROM worker_reports WHERE worker = ? AND second < ?", (report.worker, now - KEPT_SECONDS)
        )

    def between(self, start: float, end: float, workers: Sequence[str] = ()) -> Iterator[Report]:
        """In the order of time; of all workers if none is named."""
        rows = self._connection.execute(
            "SELECT worker, second, task, stats FROM worker_reports WHERE second BETWEEN ? AND ?"
            " AND (? OR worker IN (SELECT value FROM json_each(?))) ORDER BY second",
            (start, end, not workers, json.dumps(list(workers))),
        )
        return (Report(worker, second, task, json.loads(stats)) for worker, second, task, stats in rows)
