"""SQLite tables of events, their messages and channels."""

from clearml_flows.database import Kind

KIND = Kind(
    "notifications.sqlite",
    0x464C4E54,
    "notifications",
    (
        """
        CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            key TEXT NOT NULL,
            kind TEXT NOT NULL,
            at TEXT NOT NULL,
            subject TEXT NOT NULL,
            facts TEXT NOT NULL
        ) STRICT;
        CREATE TABLE messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            event INTEGER NOT NULL REFERENCES events (number),
            channel TEXT NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            seen TEXT,
            ended TEXT,
            error TEXT NOT NULL DEFAULT '',
            UNIQUE (event, channel)
        ) STRICT;
        CREATE INDEX messages_pending ON messages (channel, number) WHERE state = 'pending';
        CREATE TABLE channels (
            name TEXT PRIMARY KEY,
            failures INTEGER NOT NULL DEFAULT 0,
            next_try TEXT,
            busy_until TEXT,
            error TEXT NOT NULL DEFAULT ''
        ) STRICT;
        """,
    ),
)
