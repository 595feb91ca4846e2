"""Key pairs of clients, and sessions that were ended before their tokens expire."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """Access key. `secret` is the sha256 of its secret.

    `secret` is empty for the pair of this installation, whose secret is stored elsewhere.
    """

    key: str
    secret: str
    label: str | None
    last_used: str | None
    last_used_from: str | None


class Keys:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def own(self, key: str, label: str) -> None:
        """Make `key` the key of this installation and delete the earlier one."""
        self._connection.execute("DELETE FROM keys WHERE secret = '' AND key != ?", (key,))
        self._connection.execute(
            "INSERT INTO keys (key, secret, label) VALUES (?, '', ?) ON CONFLICT DO NOTHING", (key, label)
        )

    def add(self, key: str, secret: str, label: str | None) -> None:
        self._connection.execute("INSERT INTO keys (key, secret, label) VALUES (?, ?, ?)", (key, secret, label))

    def get(self, key: str) -> Key | None:
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM keys WHERE key = ?", (key,)).fetchone()
        return Key(*row) if row else None

    def all(self) -> list[Key]:
        """Return every key, oldest first."""
        return [Key(*row) for row in self._connection.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY rowid")]

    def relabel(self, key: str, label: str | None) -> bool:
        return self._connection.execute("UPDATE keys SET label = ? WHERE key = ?", (label, key)).rowcount > 0

    def used(self, key: str, at: str, by: str) -> None:
        """Record the last use of a key: the time and the client's address."""
        self._connection.execute("UPDATE keys SET last_used = ?, last_used_from = ? WHERE key = ?", (at, by, key))

    def delete(self, key: str) -> bool:
        return self._connection.execute("DELETE FROM keys WHERE key = ?", (key,)).rowcount > 0

    def end(self, session: str, expires: int, now: int) -> None:
        """End the session of a token that expires at `expires`.

        Sessions that expired before `now` are deleted.
        """
        self._connection.execute("DELETE FROM ended_sessions WHERE expires < ?", (now,))
        self._connection.execute("INSERT OR REPLACE INTO ended_sessions VALUES (?, ?)", (session, expires))

    def has_ended(self, session: str) -> bool:
        return bool(self._connection.execute("SELECT 1 FROM ended_sessions WHERE session = ?", (session,)).fetchone())


_COLUMNS = "key, secret, label, last_used, last_used_from"
