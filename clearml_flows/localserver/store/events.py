"""Events of tasks and models: console lines, scalars, plots, images.

An event with the same identity replaces the stored event.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Document = dict[str, Any]
LOG, SCALAR, VECTOR = "log", "training_stats_scalar", "training_stats_vector"
IMAGE, PLOT = "training_debug_image", "plot"
TYPES = frozenset({LOG, SCALAR, VECTOR, IMAGE, PLOT})
# Stored iteration of a single value, which is a scalar without an iteration.
SINGLE_VALUE_ITERATION = -(2**31)
# A page extends to the end of its last iteration or millisecond, by at most this many events.
MAX_BEYOND_PAGE = 10_000

Axis = Literal["iter", "timestamp"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a task or model; `task` may be the id of a model.

    `key` distinguishes log lines of a task and images of one iteration. `label` names the x axis of a scalar.
    The label is stored in the task or model, not in the event.
    """

    task: str
    type: str
    metric: str
    variant: str
    iter: int
    timestamp: int
    value: float | None
    key: str
    document: Document
    label: str | None = None


class Position(NamedTuple):
    """Position of an event on the axis that a page is sorted by."""

    at: int
    seq: int


class Value(NamedTuple):
    """Scalar event without its document."""

    task: str
    metric: str
    variant: str
    iter: int
    timestamp: int
    value: float


class Range(NamedTuple):
    """Number of values of a scalar, and its lowest and highest position on an axis."""

    metric: str
    variant: str
    size: int
    lowest: int
    highest: int


@dataclass
class Which:
    """Filter: the events of some tasks and one type (None: all types).

    `metrics` maps a metric to its variants (empty: all of them). `has_url` leaves out events without a URL.
    """

    tasks: Sequence[str]
    type: str | None = None
    metrics: dict[str, list[str]] = field(default_factory=dict)
    has_url: bool = False

    def where(self) -> tuple[str, list[Any]]:
        # With "=" for one task SQLite reads rows in the order of an index. With IN it sorts them.
        single = len(self.tasks) == 1
        sql = "task = ?" if single else "task IN (SELECT value FROM json_each(?))"
        bound: list[Any] = [self.tasks[0] if single else json.dumps(list(self.tasks))]
        if self.type is not None:
            sql += " AND type = ?"
            bound.append(self.type)
        if self.metrics:
            whole = [metric for metric, variants in self.metrics.items() if not variants]
            pairs = [[metric, variant] for metric, variants in self.metrics.items() for variant in variants]
            sql += (
                " AND (metric IN (SELECT value FROM json_each(?)) OR (metric, variant) IN"
                " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)))"
            )
            bound += [json.dumps(whole), json.dumps(pairs)]
        if self.has_url:
            sql += " AND json_extract(doc, '$.url') IS NOT NULL"
        return sql, bound


class Events:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, events: Iterable[Event]) -> None:
        """Store events. The last event of the same identity replaces earlier ones.

        A retried request or an iteration that is reported again therefore adds no row.
        """
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
        self, which: Which, axis: Axis, limit: int, descending: bool = False, after: Position | None = None
    ) -> tuple[list[Document], Position | None]:
        """Return about `limit` events behind `after`, and the position of the last one.

        A page contains its last iteration or millisecond completely, so that a client may continue by that value alone.
        """
        rows = self._page("doc", which, axis, limit, descending, after)
        return [json.loads(row[2]) for row in rows], Position(*rows[-1][:2]) if rows else after

    def points(
        self, which: Which, axis: Axis, limit: int, after: Position | None = None
    ) -> tuple[list[tuple[str, int, float]], Position | None]:
        """Return a page of scalars as (variant, position on the axis, value), and the last position."""
        rows = self._page("variant, value", which, axis, limit, False, after)
        return [(variant, at, value) for at, _, variant, value in rows], Position(*rows[-1][:2]) if rows else after

    def _page(
        self, columns: str, which: Which, axis: Axis, limit: int, descending: bool, after: Position | None
    ) -> list[Any]:
        where, bound = which.where()
        way, compare = ("DESC", "<") if descending else ("ASC", ">")
        # The inner query reads only an index. Rows are read for this page only.
        sql = (
            f"SELECT {axis}, seq, {columns} FROM events WHERE seq IN (SELECT seq FROM events WHERE {where}"
            f" AND {{condition}} ORDER BY {axis} {way}, seq {way} LIMIT ?) ORDER BY {axis} {way}, seq {way}"
        )
        start = [*after] if after else []
        condition = f"({axis}, seq) {compare} (?, ?)" if after else "true"
        rows = self._connection.execute(sql.format(condition=condition), [*bound, *start, limit]).fetchall()
        if rows:
            condition = f"{axis} = ? AND seq {compare} ?"
            rest = self._connection.execute(sql.format(condition=condition), [*bound, *rows[-1][:2], MAX_BEYOND_PAGE])
            rows += rest.fetchall()
        return rows

    def latest(self, which: Which, iterations: int) -> list[Document]:
        """Return the events of the last `iterations` iterations of each variant."""
        where, bound = which.where()
        rows = self._connection.execute(
            "SELECT doc FROM (SELECT doc, task, metric, variant, iter, row_number() OVER"
            f" (PARTITION BY task, metric, variant ORDER BY iter DESC) AS age FROM events WHERE {where})"
            " WHERE age <= ? ORDER BY task, metric, variant, iter DESC",
            [*bound, iterations],
        )
        return [json.loads(text) for (text,) in rows]

    def last_iterations(
        self, which: Which, iterations: int, by_metric: bool, limit: int, skip: int
    ) -> tuple[list[Document], int]:
        """Return a page of events of the last iterations of each task, and their total number.

        With `by_metric`, these are the last `iterations` iterations of each metric. The highest iteration comes first.
        """
        where, bound = which.where()
        owner = "task, metric" if by_metric else "task"
        rows = self._connection.execute(
            "SELECT doc, count(*) OVER () FROM (SELECT doc, iter, seq, dense_rank() OVER"
            f" (PARTITION BY {owner} ORDER BY iter DESC) AS age FROM events WHERE {where})"
            " WHERE age <= ? ORDER BY iter DESC, seq LIMIT ? OFFSET ?",
            [*bound, iterations, limit, skip],
        ).fetchall()
        return [json.loads(text) for text, _ in rows], rows[0][1] if rows else 0

    def values(self, which: Which) -> list[Value]:
        """Return scalars in the order of their iterations, including single values."""
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT task, metric, variant, iter, timestamp, value FROM events WHERE {where}"
            " ORDER BY task, metric, variant, iter",
            bound,
        )
        return [Value(*row) for row in rows]

    def single_values(self, which: Which) -> list[Value]:
        """Return scalars that were reported without an iteration."""
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT task, metric, variant, iter, timestamp, value FROM events WHERE {where} AND iter = ?"
            " ORDER BY task, metric, variant",
            [*bound, SINGLE_VALUE_ITERATION],
        )
        return [Value(*row) for row in rows]

    def ranges(self, which: Which, axis: Axis) -> list[Range]:
        """Return the range of every scalar, sorted by metric and variant.

        Single values are left out.
        """
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT metric, variant, count(*), min({axis}), max({axis}) FROM events WHERE {where} AND iter > ?"
            " GROUP BY metric, variant ORDER BY metric, variant",
            [*bound, SINGLE_VALUE_ITERATION],
        )
        return [Range(*row) for row in rows]

    def averages(self, task: str, metric: str, variant: str, axis: Axis, step: int) -> list[tuple[int, float]]:
        """Return (start, mean value) of each interval of length `step` on the axis that has values."""
        start = axis if step == 1 else f"{axis} - (({axis} % {step:d}) + {step:d}) % {step:d}"
        return list(
            self._connection.execute(
                f"SELECT {start} AS start, avg(value) FROM events WHERE task = ? AND type = ? AND metric = ?"
                " AND variant = ? AND iter > ? GROUP BY start ORDER BY start",
                (task, SCALAR, metric, variant, SINGLE_VALUE_ITERATION),
            )
        )

    def last_positive_values(self, task: str) -> list[tuple[str, str, float]]:
        """Return (metric, variant, value) of each scalar's last value above zero."""
        rows = self._connection.execute(
            "SELECT metric, variant, value, max(iter) FROM events WHERE task = ? AND type = ? AND value > 0"
            " GROUP BY metric, variant ORDER BY metric, variant",
            (task, SCALAR),
        )
        return [(metric, variant, value) for metric, variant, value, _ in rows]

    def last_added(self, which: Which) -> str | None:
        """Return the time when the newest event was received, as ISO text."""
        where, bound = which.where()
        sql = f"SELECT max(json_extract(doc, '$.\"@timestamp\"')) FROM events WHERE {where}"
        found: str | None = self._connection.execute(sql, bound).fetchone()[0]
        return found

    def variants(self, which: Which, after: int | None = None) -> list[tuple[str, str, str]]:
        """Return the distinct (task, metric, variant) of events after the iteration `after`."""
        where, bound = which.where()
        if after is not None:
            where += " AND iter > ?"
            bound.append(after)
        return list(
            self._connection.execute(
                f"SELECT DISTINCT task, metric, variant FROM events WHERE {where} ORDER BY 1, 2, 3", bound
            )
        )

    def urls(self, which: Which) -> list[tuple[str, str, int, str | None]]:
        """Return (metric, variant, iteration, URL) of every event, in this order."""
        where, bound = which.where()
        return list(
            self._connection.execute(
                f"SELECT metric, variant, iter, json_extract(doc, '$.url') FROM events WHERE {where} ORDER BY 1, 2, 3",
                bound,
            )
        )

    def places(self, which: Which, after: tuple[int, str, str], descending: bool) -> Iterator[tuple[int, str, str]]:
        """Yield the distinct (iteration, metric, variant) behind `after`, nearest first."""
        where, bound = which.where()
        way, compare = ("DESC", "<") if descending else ("ASC", ">")
        return self._connection.execute(
            f"SELECT DISTINCT iter, metric, variant FROM events WHERE {where}"
            f" AND (iter, metric, variant) {compare} (?, ?, ?)"
            f" ORDER BY iter {way}, metric {way}, variant {way}",
            [*bound, *after],
        )

    def iterations(self, which: Which, limit: int, descending: bool, after: int | None = None) -> list[int]:
        """Return at most `limit` distinct iterations behind `after`, nearest first."""
        where, bound = which.where()
        way, compare = ("DESC", "<") if descending else ("ASC", ">")
        if after is not None:
            where += f" AND iter {compare} ?"
            bound.append(after)
        rows = self._connection.execute(
            f"SELECT DISTINCT iter FROM events WHERE {where} ORDER BY iter {way} LIMIT ?", [*bound, limit]
        )
        return [iteration for (iteration,) in rows]

    def last_iteration(self, which: Which) -> int | None:
        where, bound = which.where()
        found: int | None = self._connection.execute(f"SELECT max(iter) FROM events WHERE {where}", bound).fetchone()[0]
        return found

    def at(self, which: Which, iteration: int) -> list[Document]:
        """Return the events of one iteration, sorted by metric and variant.

        Events of one variant are sorted by URL and time, descending.
        """
        where, bound = which.where()
        rows = self._connection.execute(
            f"SELECT doc FROM events WHERE {where} AND iter = ?"
            " ORDER BY metric, variant, json_extract(doc, '$.url') DESC, timestamp DESC",
            [*bound, iteration],
        )
        return [json.loads(text) for (text,) in rows]

    def count(self, which: Which) -> int:
        where, bound = which.where()
        return int(self._connection.execute(f"SELECT count(*) FROM events WHERE {where}", bound).fetchone()[0])

    def delete(self, task: str) -> int:
        return self._connection.execute("DELETE FROM events WHERE task = ?", (task,)).rowcount

    def delete_log(
        self, task: str, before: int | None = None, include: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> int:
        """Delete console lines of a task and return how many.

        Args:
            before: delete only lines older than this, in milliseconds since the epoch.
            include: delete only lines of these metrics.
            exclude: keep lines of these metrics.
        """
        sql = "DELETE FROM events WHERE task = ? AND type = ?"
        bound: list[Any] = [task, LOG]
        if before is not None:
            sql += " AND timestamp < ?"
            bound.append(before)
        for metrics, negation in ((include, ""), (exclude, "NOT")):
            if metrics:
                sql += f" AND metric {negation} IN (SELECT value FROM json_each(?))"
                bound.append(json.dumps(list(metrics)))
        return self._connection.execute(sql, bound).rowcount


def _text(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
