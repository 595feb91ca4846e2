"""Status reports of workers. Kept for a week."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

KEPT_SECONDS = 7 * 24 * 3600


class Report(NamedTuple):
    """Status report of a worker.

    `second` is since the epoch. `task` is the id of the task that the worker ran. `stats` describe the machine.
    """

    worker: str
    second: int
    task: str | None
    stats: dict[str, Any]


class Reports:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, report: Report, now: int) -> None:
        """Store a report, and delete reports of the worker that are older than a week before `now`."""
        self._connection.execute(
            "INSERT INTO worker_reports VALUES (?, ?, ?, ?)",
            (report.worker, report.second, report.task, json.dumps(report.stats)),
        )
        self._connection.execute(
            "DELETE FROM worker_reports WHERE worker = ? AND second < ?", (report.worker, now - KEPT_SECONDS)
        )

    def between(self, start: float, end: float, workers: Sequence[str] = ()) -> Iterator[Report]:
        """Yield the reports between two times in seconds, in the order of time.

        Without `workers`, reports of all workers.
        """
        rows = self._connection.execute(
            "SELECT worker, second, task, stats FROM worker_reports WHERE second BETWEEN ? AND ?"
            " AND (? OR worker IN (SELECT value FROM json_each(?))) ORDER BY second",
            (start, end, not workers, json.dumps(list(workers))),
        )
        return (Report(worker, second, task, json.loads(stats)) for worker, second, task, stats in rows)
