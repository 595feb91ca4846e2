import concurrent.futures
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from clearml_flows.localserver.store.database import Store, StoreError, open_store
from clearml_flows.localserver.store.session import Session


def _insert(store: Store, id: str) -> None:  # noqa: A002 - the field's name
    with store.write() as db:
        db.tasks.insert({"id": id, "name": id})


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.db"
    store = open_store(path)
    _insert(store, "a")
    store.close()
    again = open_store(path)
    with again.read() as db:
        assert db.tasks.get("a") == {"id": "a", "name": "a"}
    again.close()


def test_nobody_else_may_read_the_file(store: Store, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


def _fail(db: Session, id: str) -> None:  # noqa: A002 - the field's name
    db.tasks.insert({"id": id, "name": id})
    raise RuntimeError


def test_a_block_that_fails_has_written_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as db:
        _fail(db, "a")
    with store.read() as db:
        assert db.tasks.get("a") is None


def test_a_savepoint_undoes_its_part_only(store: Store) -> None:
    with store.write() as db:
        db.tasks.insert({"id": "a", "name": "a"})
        with pytest.raises(RuntimeError), db.savepoint():
            _fail(db, "b")
    with store.read() as db:
        assert db.tasks.get("a")
        assert db.tasks.get("b") is None


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError), store.read() as db:
        db.tasks.insert({"id": "a", "name": "a"})


def test_a_reader_sees_one_state_while_others_write(store: Store) -> None:
    with store.read() as db:
        assert db.tasks.get("a") is None
        _insert(store, "a")
        assert db.tasks.get("a") is None
    with store.read() as db:
        assert db.tasks.get("a")


def test_writers_take_turns(store: Store) -> None:
    _insert(store, "counter")

    def count(_: int) -> None:
        with store.write() as db:
            document = db.tasks.get("counter")
            assert document is not None
            document["n"] = document.get("n", 0) + 1
            db.tasks.save(document)

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(count, range(200)))
    with store.read() as db:
        document = db.tasks.get("counter")
    assert document
    assert document["n"] == 200


def test_a_kill_keeps_what_was_committed_and_nothing_else(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from clearml_flows.localserver.store.database import open_store
        store = open_store(Path(sys.argv[1]))
        for number in range(20):
            with store.write() as db:
                db.tasks.insert({"id": str(number), "name": "kept"})
        with store.write() as db:
            db.tasks.insert({"id": "half", "name": "half"})
            os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "store.db"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], timeout=60, check=False)
    assert done.returncode != 0
    store = open_store(path)
    with store.read() as db:
        assert all(db.tasks.get(str(number)) for number in range(20))
        assert db.tasks.get("half") is None
    store.close()


@pytest.mark.parametrize(
    "content", [b"this is no database, but long enough to be read as one" * 20, b"SQLite format 3\0" + b"\0" * 200]
)
def test_a_file_that_is_no_database_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot open the database .*store\.db: .* restore a backup"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the database"):
        open_store(tmp_path)
