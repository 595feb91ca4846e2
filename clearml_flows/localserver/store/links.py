"""Links of stored documents to this server's files. Links name the port of the file server.

The server rewrites links once when it starts on another port. All clients then read a working address, whatever their
configuration, and filters by uri compare the address that clients see.
"""

import json
import re
import sqlite3

from clearml_flows.localserver.store.events import IMAGE, PLOT

_REPORTED = f"type IN ('{IMAGE}', '{PLOT}')"
# Condition for rows with links, by table. Console lines stay as they were printed.
_TABLES = {"tasks": "1", "models": "1", "projects": "1", "events": _REPORTED}


class Links:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def follow(self, port: int, before: int | None = None) -> int:
        """Change the links to this server's files to `port`.

        Links to other ports belong to other servers and stay.

        Args:
            port: the present port of the file server.
            before: the earlier port, for a store that has not recorded it.

        Returns:
            The number of documents that changed.
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
    """Return the document `after` with the Task's code of `before`: code must not change."""
    document = json.loads(before)
    if before == after or "script" not in document:
        return after
    kept = {**json.loads(after), "script": document["script"]}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
