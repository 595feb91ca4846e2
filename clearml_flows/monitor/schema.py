"""SQLite tables of the monitor: cursors, states of runs, sent events and open conditions."""

from clearml_flows.database import Kind

KIND = Kind(
    "monitor.sqlite",
    0x464C4D4F,
    "what the monitor knows",
    (
        """
        CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            status TEXT NOT NULL,
            changed TEXT NOT NULL,
            steps TEXT NOT NULL,
            own INTEGER NOT NULL,
            settled INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX runs_changed ON runs (changed);
        CREATE TABLE told (key TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
        CREATE INDEX told_at ON told (at);
        CREATE TABLE stretches (name TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT;
        """,
    ),
)
