"""The schema, as numbered steps. A step that was released is never edited: add another one below it."""

import sqlite3
from collections.abc import Callable, Sequence

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: list[Migration] = []
migration = MIGRATIONS.append


class SchemaTooNewError(Exception):
    """The database was written by a later release."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, all or nothing; raises SchemaTooNewError for a database of a later release."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL) STRICT")
    applied = {name for (name,) in connection.execute("SELECT name FROM migrations")}
    unknown = applied - {step.__name__ for step in MIGRATIONS}
    if unknown:
        raise SchemaTooNewError(
            f"The database has the schema change {max(unknown)} of a later release: install that release, "
            "or point the server at another data directory."
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS:
            if step.__name__ not in applied:
                step(connection)
                connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (step.__name__,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _documents(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
    """A table of JSON documents; what is filtered or sorted is also a stored column, before the document in the row.

    Before it, because SQLite reads a row from its start: a filter then never walks through a long document's pages.
    """
    generated = ", ".join(f"{name} GENERATED ALWAYS AS (json_extract(doc, '$.{name}')) STORED" for name in columns)
    connection.execute(
        f"CREATE TABLE {table} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, {generated}, doc TEXT NOT NULL)"
    )
    for name in columns:
        if name not in ("tags", "system_tags"):
            connection.execute(f"CREATE INDEX {table}_{name} ON {table} ({name})")


@migration
def m001_documents(connection: sqlite3.Connection) -> None:
    common = ("name", "user", "created", "last_update", "tags", "system_tags")
    _documents(
        connection,
        "tasks",
        (
            *common,
            *("project", "parent", "type", "status", "status_changed", "last_change", "started", "completed"),
        ),
    )
    _documents(connection, "models", (*common, "project", "parent", "task", "uri", "ready", "framework", "last_change"))
    _documents(connection, "projects", (*common, "basename", "parent"))
    connection.execute("CREATE UNIQUE INDEX projects_unique_name ON projects (name)")
    _documents(connection, "queues", common)
    connection.execute("CREATE UNIQUE INDEX queues_unique_name ON queues (name)")
    _documents(connection, "workers", ("last_activity_time",))


@migration
def m002_queue_entries(connection: sqlite3.Connection) -> None:
    """Who waits where. A task waits in one queue at most; the lowest position is next."""
    connection.execute(
        "CREATE TABLE queue_entries (task TEXT PRIMARY KEY, queue TEXT NOT NULL, position REAL NOT NULL,"
        " added TEXT NOT NULL) STRICT"
    )
    connection.execute("CREATE INDEX queue_entries_order ON queue_entries (queue, position)")


@migration
def m003_events(connection: sqlite3.Connection) -> None:
    """`task` is a model's id for the events of models. `key` tells log lines apart; it is empty for all other types."""
    connection.execute(
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, task TEXT NOT NULL, type TEXT NOT NULL, metric TEXT NOT NULL,"
        " variant TEXT NOT NULL, iter INTEGER NOT NULL, key TEXT NOT NULL, timestamp INTEGER NOT NULL, value REAL,"
        " doc TEXT NOT NULL) STRICT"
    )
    connection.execute("CREATE UNIQUE INDEX events_identity ON events (task, type, metric, variant, iter, key)")
    connection.execute("CREATE INDEX events_time ON events (task, type, timestamp)")


@migration
def m004_worker_reports(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE worker_reports (worker TEXT NOT NULL, second INTEGER NOT NULL, task TEXT, stats TEXT NOT NULL)"
        " STRICT"
    )
    connection.execute("CREATE INDEX worker_reports_age ON worker_reports (worker, second)")
    connection.execute("CREATE INDEX worker_reports_time ON worker_reports (second)")


_SCALARS = (
    "json_each({row}.doc, '$.last_metrics') AS metric,"
    " json_each(CASE metric.type WHEN 'object' THEN metric.value ELSE '{{}}' END) AS variant"
)


@migration
def m005_last_values(connection: sqlite3.Connection) -> None:
    """The scalars in `last_metrics`, a row each: sorting by one of them need not read every document.

    By metric first, since a query is about one metric of many Tasks. Triggers keep the rows true to the documents.
    """
    for table in ("tasks", "models"):
        rows = f"{table}_last_values"
        connection.execute(
            f"CREATE TABLE {rows} (metric TEXT NOT NULL, variant TEXT NOT NULL, owner TEXT NOT NULL, title TEXT,"
            " series TEXT, value REAL, min_value REAL, max_value REAL, PRIMARY KEY (metric, variant, owner))"
            " WITHOUT ROWID"
        )
        connection.execute(_last_values(rows, f"{table} AS new, "))
        fill = _last_values(rows, "")
        clear = (
            f"DELETE FROM {rows} WHERE owner = old.id AND (metric, variant) IN"
            f" (SELECT metric.key, variant.key FROM {_SCALARS.format(row='old')})"
        )
        connection.execute(f"CREATE TRIGGER {rows}_added AFTER INSERT ON {table} BEGIN {fill}; END")
        connection.execute(
            f"CREATE TRIGGER {rows}_changed AFTER UPDATE OF doc ON {table}"
            " WHEN json_extract(new.doc, '$.last_metrics') IS NOT json_extract(old.doc, '$.last_metrics')"
            f" BEGIN {clear}; {fill}; END"
        )
        connection.execute(f"CREATE TRIGGER {rows}_removed AFTER DELETE ON {table} BEGIN {clear}; END")


def _last_values(rows: str, source: str) -> str:
    values = ", ".join(
        f"json_extract(variant.value, '$.{name}')" for name in ("metric", "variant", "value", "min_value", "max_value")
    )
    return (
        f"INSERT INTO {rows} SELECT metric.key, variant.key, new.id, {values}"
        f" FROM {source}{_SCALARS.format(row='new')} WHERE variant.type = 'object'"
    )
