"""SQLite tables of schedules, runs and notices."""

from clearml_flows.database import Kind

KIND = Kind(
    "schedules.sqlite",
    0x464C5343,
    "schedules",
    (
        """
        CREATE TABLE schedules (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            timing TEXT NOT NULL,
            zone TEXT NOT NULL,
            flow TEXT NOT NULL,
            options TEXT NOT NULL,
            max_runs INTEGER,
            overlap TEXT NOT NULL,
            catch_up TEXT NOT NULL,
            grace INTEGER NOT NULL,
            jitter INTEGER NOT NULL,
            state TEXT NOT NULL,
            created TEXT NOT NULL,
            seen TEXT NOT NULL,
            due TEXT,
            claimed INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE UNIQUE INDEX schedules_name ON schedules (name) WHERE state <> 'removed';
        CREATE INDEX schedules_due ON schedules (due) WHERE state = 'active';
        CREATE TABLE runs (
            number INTEGER PRIMARY KEY,
            schedule TEXT NOT NULL REFERENCES schedules (id),
            scheduled TEXT NOT NULL,
            state TEXT NOT NULL,
            count INTEGER NOT NULL DEFAULT 1,
            why TEXT NOT NULL DEFAULT '',
            attempts INTEGER NOT NULL DEFAULT 0,
            claimed TEXT NOT NULL,
            pid INTEGER,
            born REAL,
            began TEXT,
            ended TEXT,
            exit_code INTEGER,
            task TEXT,
            UNIQUE (schedule, scheduled)
        ) STRICT;
        CREATE INDEX runs_history ON runs (schedule, number);
        CREATE INDEX runs_open ON runs (state) WHERE state IN ('waiting', 'claimed', 'launched', 'begun');
        CREATE TABLE notices (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            schedule TEXT NOT NULL,
            scheduled TEXT,
            kind TEXT NOT NULL,
            sentence TEXT NOT NULL
        ) STRICT;
        """,
    ),
)
