"""Read and write one table of JSON documents."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.entities import LISTS, Entity
from clearml_flows.localserver.store.expressions import expression
from clearml_flows.localserver.store.query import Selection

Document = dict[str, Any]


class Documents:
    def __init__(self, connection: sqlite3.Connection, entity: Entity) -> None:
        self._connection = connection
        self.entity = entity
        self._table = entity.table

    def get(self, id: str) -> Document | None:
        row = self._connection.execute(f"SELECT doc FROM {self._table} WHERE id = ?", (id,)).fetchone()
        return json.loads(row[0]) if row else None

    def insert(self, document: Document) -> None:
        """Store a new document as `save` does."""
        self._write(f"INSERT INTO {self._table} (doc, id) VALUES (?, ?)", document)

    def save(self, document: Document) -> None:
        """Replace the stored document with the same id. Tags are sorted.

        Raises errors.Duplicate if a unique field has the value of another document.
        """
        self._write(f"UPDATE {self._table} SET doc = ? WHERE id = ?", document)

    def _write(self, sql: str, document: Document) -> None:
        for name in LISTS.intersection(document):
            document[name] = sorted(document[name] or [], key=str)
        try:
            self._connection.execute(sql, (_text(document), document["id"]))
        except sqlite3.IntegrityError as error:
            raise errors.Duplicate("unique field already contains this value", err=error) from error

    def delete(self, id: str) -> bool:
        return self._connection.execute(f"DELETE FROM {self._table} WHERE id = ?", (id,)).rowcount > 0

    def find(self, selection: Selection) -> list[Document]:
        # Sort row numbers first and read the documents afterwards: SQLite would carry each document through the sort.
        rows = list(self._select("seq", selection))
        sql = f"SELECT doc FROM {self._table} WHERE seq = ?"
        return [json.loads(self._connection.execute(sql, row).fetchone()[0]) for row in rows]

    def all(self, selection: Selection) -> Iterator[Document]:
        """Yield every document of the selection. Ignores its limit and offset."""
        selection.limit, selection.offset = -1, 0
        return (json.loads(text) for (text,) in self._select("doc", selection))

    def rows(self, names: Iterable[str], selection: Selection) -> Iterator[tuple[Any, ...]]:
        """Yield the values of the fields `names` of every document. Ignores the limit."""
        selection.limit, selection.offset = -1, 0
        columns = [expression(self.entity, name) for name in names]
        bound = [value for _, values in columns for value in values]
        return self._select(", ".join(sql for sql, _ in columns), selection, bound)

    def one(self, selection: Selection) -> Document | None:
        selection.limit = 1
        return next(iter(self.find(selection)), None)

    def count(self, selection: Selection) -> int:
        where, bound = selection.where()
        sql = f"SELECT count(*) FROM {self._table} WHERE {where}"
        return int(next(_rows(self._connection, sql, bound))[0])

    def distinct(self, column: str, selection: Selection) -> list[Any]:
        """Return the distinct values of a column, sorted.

        A column of lists gives the values in the lists.
        """
        where, bound = selection.where()
        found = f"SELECT {column} AS value FROM {self._table} WHERE {where}"
        if column in LISTS:
            found = f"SELECT json_each.value FROM ({found}) AS lists, json_each(lists.value)"
        sql = f"SELECT DISTINCT value FROM ({found}) WHERE value IS NOT NULL ORDER BY 1"
        return [row[0] for row in _rows(self._connection, sql, bound)]

    def counts(self, columns: Iterable[str], selection: Selection) -> list[tuple[Any, ...]]:
        """Return (value of each column …, number of documents) for each combination of values."""
        where, bound = selection.where()
        names = ", ".join(columns)
        sql = f"SELECT {names}, count(*) FROM {self._table} WHERE {where} GROUP BY {names}"
        return list(_rows(self._connection, sql, bound))

    def work(self, selection: Selection, since: str) -> list[tuple[str, str, int, int, int, str]]:
        """Return (project, status, tasks, seconds, finished, last start) by project and status.

        `seconds` is the total run time of the tasks. `finished` counts tasks that completed after `since`, but no tasks
        that are queued, in progress or failed.
        """
        where, bound = selection.where()
        # Add half a millisecond: the rounding of julian days would make 0 of a run of one second.
        seconds = "CAST((julianday(completed) - julianday(started)) * 86400 + 0.0005 AS INTEGER)"
        finished = "status NOT IN ('queued', 'in_progress', 'failed')"
        sql = (
            f"SELECT project, status, count(*), sum(CASE WHEN completed > started THEN {seconds} ELSE 0 END),"
            f" sum(CASE WHEN completed > ? AND {finished} THEN 1 ELSE 0 END), max(started)"
            f" FROM {self._table} WHERE {where} GROUP BY project, status"
        )
        return list(_rows(self._connection, sql, [since, *bound]))

    def scalars(self, selection: Selection) -> list[tuple[str, str, str, str]]:
        """Return (title, series, metric hash, variant hash) of each scalar in the documents."""
        where, bound = selection.where()
        sql = (
            f"SELECT DISTINCT title, series, metric, variant FROM {self._table}_last_values"
            f" WHERE owner IN (SELECT id FROM {self._table} WHERE {where}) ORDER BY 1, 2"
        )
        return list(_rows(self._connection, sql, bound))

    def _select(
        self, columns: str, selection: Selection, columns_bound: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        where, bound = selection.where()
        order, order_bound = selection.ordering()
        sql = f"SELECT {columns} FROM {self._table} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return _rows(self._connection, sql, [*columns_bound, *bound, *order_bound, selection.limit, selection.offset])


def _rows(connection: sqlite3.Connection, sql: str, bound: list[Any]) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(sql, bound)
    except sqlite3.OperationalError as error:
        # Only the function `matches` of patterns.py raises, and only on its timeout.
        if "user-defined function" in str(error):
            raise errors.InvalidFields("the regular expression takes too long on these texts") from error
        raise


def _text(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
