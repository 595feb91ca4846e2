"""Database schema as numbered migrations.

Never edit a released migration: add a new one at the end.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: list[Migration] = []
migration = MIGRATIONS.append


class SchemaTooNewError(Exception):
    """The database was written by a later release."""


def applied(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the migrations that a database has had, in order.

    A database without a table of migrations gives none.
    """
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")] if known else []


def missing(had: Sequence[str]) -> list[str]:
    """Return the names of the migrations that are not applied yet.

    Raises SchemaTooNewError if `had` has a migration that this release does not know.
    """
    names = [step.__name__ for step in MIGRATIONS]
    unknown = set(had) - set(names)
    if unknown:
        raise SchemaTooNewError(
            f"the database has the schema change {max(unknown)} of a later release; install that release, "
            "or use another data directory"
        )
    return [name for name in names if name not in had]


def migrate(connection: sqlite3.Connection) -> None:
    """Apply all missing migrations in one transaction. Raises SchemaTooNewError."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL) STRICT")
    todo = missing(applied(connection))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS:
            if step.__name__ in todo:
                step(connection)
                connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (step.__name__,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _documents(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
    """Create a table of JSON documents. Fields for filters and sorting are also stored columns.

    SQLite reads a row from its start. The columns come before the document, so that filters never read a long document.
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
    """Tasks in queues. A task is in one queue at most. The lowest position is next."""
    connection.execute(
        "CREATE TABLE queue_entries (task TEXT PRIMARY KEY, queue TEXT NOT NULL, position REAL NOT NULL,"
        " added TEXT NOT NULL) STRICT"
    )
    connection.execute("CREATE INDEX queue_entries_order ON queue_entries (queue, position)")


@migration
def m003_events(connection: sqlite3.Connection) -> None:
    """Events. `task` may be the id of a model.

    `key` distinguishes log lines and is empty for all other types.
    """
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


def _beside(
    connection: sqlite3.Connection, table: str, rows: str, field: str, keys: tuple[str, str], values: dict[str, str]
) -> None:
    """Create a table `rows` of the objects two levels below `field` of the documents.

    Queries on these objects then need not read the documents. Triggers keep the rows equal to the documents.

    Args:
        keys: column names of the two levels. They come first, because a query asks for one object of many documents.
        values: columns with types, and the attribute of the object that each holds.
    """
    outer, inner = keys
    connection.execute(
        f"CREATE TABLE {rows} ({outer} TEXT NOT NULL, {inner} TEXT NOT NULL, owner TEXT NOT NULL, {', '.join(values)},"
        f" PRIMARY KEY ({outer}, {inner}, owner)) WITHOUT ROWID"
    )
    held = ", ".join(f"json_extract(below.value, '$.{name}')" for name in values.values())
    objects = (
        f"json_each({{row}}.doc, '$.{field}') AS above,"
        " json_each(CASE above.type WHEN 'object' THEN above.value ELSE '{{}}' END) AS below"
    )
    source = f"{objects.format(row='new')} WHERE below.type = 'object'"
    fill = f"INSERT INTO {rows} SELECT above.key, below.key, new.id, {held} FROM"
    clear = (
        f"DELETE FROM {rows} WHERE owner = old.id AND ({outer}, {inner}) IN"
        f" (SELECT above.key, below.key FROM {objects.format(row='old')})"
    )
    changed = f"json_extract(new.doc, '$.{field}') IS NOT json_extract(old.doc, '$.{field}')"
    connection.execute(f"{fill} {table} AS new, {source}")
    connection.execute(f"CREATE TRIGGER {rows}_added AFTER INSERT ON {table} BEGIN {fill} {source}; END")
    connection.execute(
        f"CREATE TRIGGER {rows}_changed AFTER UPDATE OF doc ON {table} WHEN {changed}"
        f" BEGIN {clear}; {fill} {source}; END"
    )
    connection.execute(f"CREATE TRIGGER {rows}_removed AFTER DELETE ON {table} BEGIN {clear}; END")


@migration
def m005_last_values(connection: sqlite3.Connection) -> None:
    """Scalars in `last_metrics`, for sorting tasks and models."""
    values = {"title TEXT": "metric", "series TEXT": "variant"}
    values |= {f"{name} REAL": name for name in ("value", "min_value", "max_value")}
    for table in ("tasks", "models"):
        _beside(connection, table, f"{table}_last_values", "last_metrics", ("metric", "variant"), values)


@migration
def m006_parameters(connection: sqlite3.Connection) -> None:
    """Values of hyper-parameters, for filtering tasks."""
    _beside(connection, "tasks", "tasks_parameters", "hyperparams", ("section", "name"), {"value": "value"})


@migration
def m007_files_port(connection: sqlite3.Connection) -> None:
    """Port in stored links to this server's files: one row, or none before the first start."""
    connection.execute("CREATE TABLE files_port (port INTEGER NOT NULL) STRICT")


@migration
def m008_scalar_summaries(connection: sqlite3.Connection) -> None:
    """Add first value, mean and count to each scalar in `last_metrics`, from the stored events.

    Also stores the scalars' names, and puts the key of the file into the key of image events.
    """
    connection.execute(
        "UPDATE events SET key = json_extract(doc, '$.key')"
        " WHERE type = 'training_debug_image' AND json_type(doc, '$.key') = 'text'"
    )
    # With min() in a query, SQLite takes the bare column `value` from the row with the lowest iteration.
    scalars = connection.execute(
        "SELECT task, metric, variant, min(iter), value, count(*), avg(value) FROM events"
        " WHERE type = 'training_stats_scalar' AND value IS NOT NULL GROUP BY task, metric, variant"
    ).fetchall()
    for owner, rows in groupby(scalars, key=lambda row: row[0]):
        summaries = {(metric, variant): rest for _, metric, variant, *rest in rows}
        for table in ("tasks", "models"):
            _summarise(connection, table, owner, summaries)


def _summarise(
    connection: sqlite3.Connection, table: str, owner: str, summaries: dict[tuple[str, str], list[Any]]
) -> None:
    found = connection.execute(f"SELECT doc FROM {table} WHERE id = ?", (owner,)).fetchone()
    if found is None:
        return
    document = json.loads(found[0])
    items = [item for variants in (document.get("last_metrics") or {}).values() for item in variants.values()]
    for item in items:
        summary = summaries.get((item.get("metric"), item.get("variant")))
        if summary is not None:
            iteration, first, count, mean = summary
            item |= {"first_value": first, "first_value_iteration": iteration, "count": count}
            item["mean_value"] = round(mean, 2)
    document["unique_metrics"] = [f"{item.get('metric')}/{item.get('variant')}" for item in items]
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    connection.execute(f"UPDATE {table} SET doc = ? WHERE id = ?", (text, owner))


@migration
def m009_users_and_keys(connection: sqlite3.Connection) -> None:
    """Users with preferences, key pairs with the hash of their secret, and ended sessions."""
    _documents(connection, "users", ("name", "created"))
    connection.execute(
        "CREATE TABLE keys (key TEXT PRIMARY KEY, secret TEXT NOT NULL, label TEXT, last_used TEXT,"
        " last_used_from TEXT) STRICT"
    )
    connection.execute("CREATE TABLE ended_sessions (session TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT")


@migration
def m010_queue_samples(connection: sqlite3.Connection) -> None:
    """Samples of the length of queues and the average waiting time of their tasks in seconds."""
    connection.execute(
        "CREATE TABLE queue_samples (queue TEXT NOT NULL, at INTEGER NOT NULL, waiting REAL NOT NULL,"
        " length INTEGER NOT NULL) STRICT"
    )
    connection.execute("CREATE INDEX queue_samples_age ON queue_samples (queue, at)")


@migration
def m011_events_by_iteration(connection: sqlite3.Connection) -> None:
    """Index for reading a page of a task's scalars without sorting all of them."""
    connection.execute("CREATE INDEX events_iteration ON events (task, type, iter)")
