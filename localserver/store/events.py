"""What tasks and models report: console lines, scalars, plots, images. The same event again replaces its row."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
LOG, SCALAR, VECTOR = "log", "training_stats_scalar", "training_stats_vector"
IMAGE, PLOT = "training_debug_image", "plot"
TYPES = frozenset({LOG, SCALAR, VECTOR, IMAGE, PLOT})
# The iteration under which a single value (one without an iteration) is kept.
SINGLE_VALUE_ITERATION = -(2**31)


@dataclass(frozen=True, slots=True)
class Event:
    """`task` may be a model's id. `key` tells log lines of one task apart and is empty for everything else."""

    task: str
    type: str
    metric: str
    variant: str
    iter: int
    timestamp: int
    value: float | None
    key: str
    document: Document


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading of events stopped."""

    timestamp: int
    seq: int


@dataclass
class Which:
    """The events of some tasks and one type; `metrics` maps a metric to its wanted variants (none: all of them)."""

    tasks: Sequence[str]
    type: str
    metrics: dict[str, list[str]] = field(default_factory=dict)

    def where(self) -> tuple[str, list[Any]]:
        sql = "task IN (SELECT value FROM json_each(?)) AND type = ?"
        bound: list[Any] = [json.dumps(list(self.tasks)), self.type]
        if self.metrics:
            whole = [metric for metric, variants in self.metrics.items() if not variants]
            single = [[metric, variant] for metric, variants in self.metrics.items() for variant in variants]
            sql += (
                " AND (metric IN (SELECT value FROM json_each(?)) OR (metric, variant) IN"
                " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)))"
            )
            bound += [json.dumps(whole), json.dumps(single)]
        return sql, bound


class Events:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, events: Iterable[Event]) -> None:
        """The same event twice (a retried request, an iteration reported again) is kept once, as it came last."""
        self._connection.executemany(
            "INSERT INTO events (task, type, metric, variant, iter, key, timestamp, value, doc)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task, type, metric, variant, iter, key)"
            " DO UPDATE SET timestamp = excluded.timestamp, value = excluded.value, doc = excluded.doc",
            [
                (e.task, e.type, e.metric, e.variant, e.iter, e.key, e.timestamp, e.value, _text(e.document))
                for e in events
            ],
        )

    def page(
        self, which: Which, limit: int, descending: bool = False, after: Place | None = None
    ) -> tuple[list[Document], Place | None]:
        """At most `limit` events by time, from behind `after` on; and where that stopped."""
        where, bound = which.where()
        if after:
            where += f" AND (timestamp, seq) {'<' if descending else '>'} (?, ?)"
            bound += [after.timestamp, after.seq]
        way = "DESC" if descending else "ASC"
        rows = self._connection.execute(
            f"SELECT doc, timestamp, seq FROM events WHERE {where} ORDER BY timestamp {way}, seq {way} LIMIT ?",
            [*bound, limit],
        ).fetchall()
        return [json.loads(row[0]) for row in rows], Place(rows[-1][1], rows[-1][2]) if rows else after

    def since(self, which: Which, timestamp: int, limit: int, earlier: bool) -> list[Document]:
        """At most `limit` events next to a time, on one side of it, in the order of their distance."""
        where, bound = which.where()
        compare, way = ("<", "DESC") if earlier else (">=", "ASC")
        rows = self._connection.execute(
            f"SELECT doc FROM events WHERE {where} AND timestamp {compare} ?"
            f" ORDER BY timestamp {way}, seq {way} LIMIT ?",
            [*bound, timestamp, limit],
        )
        return [json.loads(text) for (text,) in rows]

    def latest(self, which: Which, iterations: int) -> list[Document]:
        """The events of the last `iterations` iterations of each variant."""
        where, bound = which.where()
        rows = self._connection.execute(
            "SELECT doc FROM (SELECT doc, task, metric, variant, iter, row_number() OVER"
            f" (PARTITION BY task, metric, variant ORDER BY iter DESC) AS age FROM events WHERE {where})"
            " WHERE age <= ? ORDER BY task, metric, variant, iter DESC",
            [*bound, iterations],
        )
        return [json.loads(text) for (text,) in rows]

    def values(self, which: Which) -> list[tuple[str, str, str, int, int, float]]:
        """(task, metric, variant, iteration, timestamp, value) of scalars, in the order of their iterations."""
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT task, metric, variant, iter, timestamp, value FROM events WHERE {where}"
            " ORDER BY task, metric, variant, iter",
            bound,
        )
        return list(rows)

    def last_value(self, task: str, metric: str, variant: str) -> tuple[int, int, float] | None:
        """(iteration, timestamp, value) of a scalar's highest iteration."""
        row: tuple[int, int, float] | None = self._connection.execute(
            "SELECT iter, timestamp, value FROM events WHERE task = ? AND type = ? AND metric = ? AND variant = ?"
            " ORDER BY iter DESC LIMIT 1",
            (task, SCALAR, metric, variant),
        ).fetchone()
        return row

    def variants(self, which: Which) -> list[tuple[str, str, str]]:
        """The different (task, metric, variant)."""
        where, bound = which.where()
        return list(
            self._connection.execute(
                f"SELECT DISTINCT task, metric, variant FROM events WHERE {where} ORDER BY 1, 2, 3", bound
            )
        )

    def places(self, which: Which) -> list[tuple[int, str, str]]:
        """(iteration, metric, variant) of every event, in this order."""
        where, bound = which.where()
        sql = f"SELECT iter, metric, variant FROM events WHERE {where} ORDER BY iter, metric, variant"
        return list(self._connection.execute(sql, bound))

    def iterations(self, which: Which) -> list[int]:
        """The different iterations, rising."""
        where, bound = which.where()
        rows = self._connection.execute(f"SELECT DISTINCT iter FROM events WHERE {where} ORDER BY iter", bound)
        return [iteration for (iteration,) in rows]

    def at(self, which: Which, iteration: int) -> list[Document]:
        """The events of one iteration."""
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT doc FROM events WHERE {where} AND iter = ? ORDER BY metric, variant", [*bound, iteration]
        )
        return [json.loads(text) for (text,) in rows]

    def count(self, which: Which) -> int:
        where, bound = which.where()
        return int(self._connection.execute(f"SELECT count(*) FROM events WHERE {where}", bound).fetchone()[0])

    def delete(self, task: str) -> int:
        return self._connection.execute("DELETE FROM events WHERE task = ?", (task,)).rowcount

    def delete_log(self, task: str, before: int) -> int:
        """Console lines older than the time `before`."""
        cursor = self._connection.execute(
            "DELETE FROM events WHERE task = ? AND type = ? AND timestamp < ?", (task, LOG, before)
        )
        return cursor.rowcount


def _text(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
