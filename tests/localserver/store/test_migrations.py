import sqlite3
from pathlib import Path

import pytest

from clearml_flows.localserver.store import migrations
from clearml_flows.localserver.store.database import StoreError, open_store


def test_every_step_is_recorded_once(tmp_path: Path) -> None:
    for _ in range(2):
        open_store(tmp_path / "store.db").close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")]
    connection.close()
    assert names == [step.__name__ for step in migrations.MIGRATIONS]


def test_a_database_of_a_later_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO migrations VALUES ('m999_future', '2030-01-01')")
    connection.commit()
    before = list(connection.iterdump())
    with pytest.raises(StoreError, match="m999_future of a later release"):
        open_store(path)
    assert list(connection.iterdump()) == before
    connection.close()


def test_a_step_that_fails_leaves_the_schema_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    open_store(path).close()

    def m900_good(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")

    def m901_bad(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")

    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, m900_good, m901_bad])
    with pytest.raises(StoreError, match="extra already exists"):
        open_store(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
    connection.close()
