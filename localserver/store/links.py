"""Links of stored documents to this server's files. They name the file server by its port, which may change.

Links are rewritten once, when the server starts on another port: all clients then read an address that works, whatever
their configuration, and filters by uri compare what clients see.
"""

import json
import re
import sqlite3

from localserver.store.events import IMAGE, PLOT

_REPORTED = f"type IN ('{IMAGE}', '{PLOT}')"
# Which rows of which tables hold links; console lines stay as they were printed.
_TABLES = {"tasks": "1", "models": "1", "projects": "1", "events": _REPORTED}


class Links:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def follow(self, port: int, before: int | None = None) -> int:
        """Make the links to this server's files name `port`, and return how many documents changed.

        `before` is the port that they name so far, for a store that does not know it. Links to other ports are other
        servers' and stay.
        """
        row = self._connection.execute("SELECT port FROM files_port").fetchone()
        old = row[0] if row else before
        self._connection.execute("DELETE FROM files_port")
        self._connection.execute("INSERT INTO files_port VALUES (?)", (port,))
        return self._rewrite(old, port) if old and old != port else 0

    def _rewrite(self, old: int, new: int) -> int:
        origin = re.compile(rf"\bhttp://(127\.0\.0\.1|localhost):{old}(?!\d)")
        count = 0
        for table, rows in _TABLES.items():
            where = f"{rows} AND instr(doc, ?)"
            found = self._connection.execute(f"SELECT seq FROM {table} WHERE {where}", (f":{old}",)).fetchall()
            for (seq,) in found:
                (text,) = self._connection.execute(f"SELECT doc FROM {table} WHERE seq = ?", (seq,)).fetchone()
                moved = _without_code(text, origin.sub(rf"http://\1:{new}", text))
                if moved != text:
                    self._connection.execute(f"UPDATE {table} SET doc = ? WHERE seq = ?", (moved, seq))
                    count += 1
        return count


def _without_code(before: str, after: str) -> str:
    """The text of the document `after`, with a Task's code as it was: code is not ours to change."""
    document = json.loads(before)
    if before == after or "script" not in document:
        return after
    kept = {**json.loads(after), "script": document["script"]}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
