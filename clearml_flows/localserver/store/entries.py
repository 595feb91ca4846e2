"""Queue entries: the tasks that wait in each queue. First in, first out, unless moved."""

import sqlite3
from typing import Any

from clearml_flows.localserver.store.samples import Samples

Entry = dict[str, Any]


class Entries:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._samples = Samples(connection)

    def of(self, queue: str, limit: int = -1) -> list[Entry]:
        rows = self._connection.execute(
            "SELECT task, added FROM queue_entries WHERE queue = ? ORDER BY position LIMIT ?", (queue, limit)
        )
        return [{"task": task, "added": added} for task, added in rows]

    def count(self, queue: str) -> int:
        row = self._connection.execute("SELECT count(*) FROM queue_entries WHERE queue = ?", (queue,)).fetchone()
        return int(row[0])

    def queue_of(self, task: str) -> str | None:
        row = self._connection.execute("SELECT queue FROM queue_entries WHERE task = ?", (task,)).fetchone()
        return row[0] if row else None

    def append(self, queue: str, task: str, added: str) -> bool:
        """Add a task at the end of the queue. Return False if the task is in a queue already."""
        cursor = self._connection.execute(
            "INSERT INTO queue_entries SELECT ?, ?, 1 + coalesce(max(position), 0), ? FROM queue_entries"
            " WHERE queue = ? ON CONFLICT (task) DO NOTHING",
            (task, queue, added, queue),
        )
        return self._changed(queue, cursor.rowcount > 0)

    def remove(self, task: str, queue: str | None = None) -> bool:
        """Remove a task from `queue`, or from any queue if None. Return whether it was there."""
        at = self.queue_of(task)
        if at is None or queue not in (None, at):
            return False
        self._connection.execute("DELETE FROM queue_entries WHERE task = ?", (task,))
        return self._changed(at, True)

    def clear(self, queue: str) -> list[str]:
        """Empty the queue and return the ids of the tasks that were in it."""
        tasks = [entry["task"] for entry in self.of(queue)]
        self._connection.execute("DELETE FROM queue_entries WHERE queue = ?", (queue,))
        self._changed(queue, bool(tasks))
        return tasks

    def pop(self, queue: str) -> Entry | None:
        entry = next(iter(self.of(queue, limit=1)), None)
        if entry:
            # Sample before the removal: afterwards the waiting time of the first task is gone.
            self._samples.take(queue)
            self.remove(entry["task"], queue)
        return entry

    def _changed(self, queue: str, changed: bool) -> bool:
        if changed:
            self._samples.take(queue)
        return changed

    def move(self, queue: str, task: str, steps: int) -> int | None:
        """Move a task by `steps`; negative steps go to the front.

        Returns the new position, or None if the task is not in the queue.
        """
        tasks = [entry["task"] for entry in self.of(queue)]
        if task not in tasks:
            return None
        at = tasks.index(task)
        to = max(0, min(len(tasks) - 1, at + steps))
        tasks.insert(to, tasks.pop(at))
        self._connection.executemany(
            "UPDATE queue_entries SET position = ? WHERE task = ?",
            [(position, name) for position, name in enumerate(tasks, start=1)],
        )
        return to
