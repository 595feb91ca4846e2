"""`flows server backup|restore|upgrade` of the embedded backend, in this process."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from clearml_flows.cli.main import main
from clearml_flows.localserver import launcher
from clearml_flows.localserver.store import migrations
from clearml_flows.localserver.swap import DRAFT, JOURNAL
from clearml_flows.schedule.store import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a store and a schedule file."""
    data = tmp_path / "data"
    monkeypatch.setenv("FLOWS__SERVER__DATA_DIR", str(data))
    launcher.up(data)
    launcher.down(data)
    # Another test's backend may take its ports meanwhile.
    (data / "ports.json").unlink()
    Store(data).close()
    return data


def server(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["server", *map(str, arguments)])


def refused(done: Result, exit_code: int, *words: str) -> None:
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (exit_code, "", 1), done.output
    for word in words:
        assert word in done.stderr


def test_backup_and_restore(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    made = json.loads(server("backup", kept, "--json").stdout)
    assert (made["file"], made["bytes"]) == (str(kept), kept.stat().st_size)
    refused(server("backup", kept), 1, "exists and is not replaced")
    assert "0 tasks" in server("backup", kept, "--force").stdout
    (folder / "schedules.sqlite").unlink()
    done = json.loads(server("restore", kept, "--json").stdout)
    assert (folder / "schedules.sqlite").is_file()
    assert not (Path(done["aside"]) / "schedules.sqlite").exists()
    assert "what was there before is in" in server("restore", kept).stdout
    kept.write_bytes(kept.read_bytes()[:-1])
    refused(server("restore", kept), 1, "is incomplete")


def test_nothing_is_restored_under_what_runs(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    server("backup", kept)
    with FileLock(folder / "schedule.lock"):
        refused(server("restore", kept), 4, "is in use (schedule, process unknown)")
    launcher.up(folder)
    try:
        refused(server("restore", kept), 1, "is running", "flows server down")
        assert server("backup", kept, "--force").exit_code == 0
        assert "nothing to do" in server("upgrade").stdout
    finally:
        launcher.down(folder)


def test_an_upgrade_starts_a_running_backend_anew(folder: Path) -> None:
    before = launcher.up(folder)
    last = migrations.MIGRATIONS[-1].__name__
    # The store without a change that this release knows, under a server that still runs.
    change = "m006_parameters"
    with closing(sqlite3.connect(folder / "backend.sqlite")) as connection, connection:
        for trigger in ("added", "changed", "removed"):
            connection.execute(f"DROP TRIGGER tasks_parameters_{trigger}")
        connection.execute("DROP TABLE tasks_parameters")
        connection.execute("DELETE FROM migrations WHERE name = ?", (change,))
    try:
        done = json.loads(server("upgrade", "--json").stdout)
        assert (done["before"], done["after"]) == (last, change)
        assert Path(done["backup"]["file"]).is_file()
        after = launcher.status(folder)
        assert after.running
        assert after.pid != before.pid
        assert json.loads(server("upgrade", "--json").stdout) == {"before": change, "after": change, "backup": None}
    finally:
        launcher.down(folder)


def test_whoever_opens_a_schedule_file_first_finishes_a_restore(folder: Path, tmp_path: Path) -> None:
    draft = folder / f"{DRAFT}x"
    draft.mkdir()
    (folder / "schedules.sqlite").rename(draft / "schedules.sqlite")
    (folder / "schedules.sqlite").write_bytes(b"of before")
    plan = {"draft": draft.name, "aside": "before-restore-x", "old": ["schedules.sqlite"], "new": ["schedules.sqlite"]}
    (folder / JOURNAL).write_text(json.dumps(plan))
    Store(folder).close()
    assert (folder / "before-restore-x" / "schedules.sqlite").read_bytes() == b"of before"
    assert not draft.exists()
    assert not (folder / JOURNAL).exists()
