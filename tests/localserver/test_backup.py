"""Backups of a data directory, put back again, damaged, and interrupted."""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from clearml_flows.localserver import __main__, archive, launcher
from clearml_flows.localserver import backup as backup_module
from clearml_flows.localserver.backup import backup
from clearml_flows.localserver.restore import restore, upgrade
from clearml_flows.localserver.state import DATABASE, FILES, Failure
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store import migrations
from tests.support.agents import backend_api, wait_until
from tests.support.backend import running_backend
from tests.support.data_folders import folder_with, said_by

KEPT = (DATABASE, "schedules.sqlite", FILES, "ports.json")


def test_what_was_backed_up_is_there_again_and_what_was_there_is_kept(tmp_path: Path) -> None:
    made = backup(folder_with(tmp_path / "a", "newer"), tmp_path / "kept")
    assert made.counts == {"projects": 0, "tasks": 1, "models": 0, "queues": 0, "events": 0, "files": 2, "bytes": 10}
    assert made.schema == migrations.MIGRATIONS[-1].__name__
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    target = folder_with(tmp_path / "b", "old")
    done = restore(target, tmp_path / "kept")
    assert said_by(target) == {"newer"}
    assert done.backup == made
    assert done.aside is not None
    assert said_by(Path(done.aside)) == {"old"}
    # Credentials are no part of a backup: those of the folder stay.
    assert (target / "credentials.json").read_text() == "of old"
    assert restore(tmp_path / "nothing yet", tmp_path / "kept").aside is None
    assert said_by(tmp_path / "nothing yet") == {"newer"}
    names = {path.name for path in (tmp_path / "nothing yet").iterdir() if not path.name.endswith(".lock")}
    assert names == set(KEPT)


def test_a_reset_removes_what_restores_set_aside(tmp_path: Path) -> None:
    target = folder_with(tmp_path / "a", "old")
    backup(target, tmp_path / "kept")
    restore(target, tmp_path / "kept")
    launcher.reset(target)
    assert [path.name for path in target.iterdir() if path.name.startswith(("before", "upkeep-", FILES))] == []


def test_every_row_has_its_file_although_files_come_and_go_meanwhile(tmp_path: Path) -> None:
    ending, wrong = Event(), list[BaseException]()
    with running_backend(tmp_path / "data") as running:

        def write_until_the_end(name: str) -> None:
            with closing(backend_api(running)) as api:
                api.login()
                try:
                    for number in count():
                        if ending.is_set():
                            return
                        store_and_remove(api, running.files_url, f"{name}/{number}", number % 2 == 1)
                except BaseException as error:
                    wrong.append(error)
                    raise

        threads = [Thread(target=write_until_the_end, args=(f"writer{one}",)) for one in range(3)]
        for thread in threads:
            thread.start()
        try:
            with closing(backend_api(running)) as api:
                tasks = 0
                for number in range(4):
                    wait_until(lambda: how_many(api) > tasks, "more Tasks")  # noqa: B023  (called in this turn only)
                    tasks = backup(running.status.data_dir, tmp_path / str(number)).counts["tasks"]
        finally:
            ending.set()
            for thread in threads:
                thread.join()
    assert not wrong
    for number in range(4):
        restore(tmp_path / f"restored {number}", tmp_path / str(number))
        assert dangling(tmp_path / f"restored {number}") == [], f"backup {number}"


def store_and_remove(api: Any, files_url: str, path: str, removed: bool) -> None:
    """A file, then a Task that names it; if they are to go, the Task first."""
    headers, content = dict(api._http.headers), path.encode()
    requests.post(files_url, headers=headers, files={path: (path, content)}, timeout=60).raise_for_status()
    record = {"key": path, "type": "custom", "uri": f"{files_url}/{path}", "hash": sha256(content).hexdigest()}
    task = api.call("tasks.create", name=path, type="custom", execution={"artifacts": [record]})["id"]
    if removed:
        api.call("tasks.delete", task=task)
        requests.delete(f"{files_url}/{path}", headers=headers, timeout=60).raise_for_status()


def how_many(api: Any) -> int:
    return len(api.call("tasks.get_all", only_fields=["id"])["tasks"])


@pytest.mark.parametrize("first", ["files", "rows"])
def test_of_a_file_that_is_replaced_meanwhile_the_rows_say_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    folder = folder_with(tmp_path / "a", "old")
    replaced = folder / FILES / "old" / 'a "b" ü 0'

    def replace(word: str) -> None:
        replaced.unlink()
        replaced.write_text(word)
        with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
            known = json.dumps({"id": "old", "hash": sha256(word.encode()).hexdigest()})
            connection.execute("UPDATE tasks SET doc = ?", (known,))

    replace("old")
    copy = backup_module._copy

    def copy_and_replace(source: Path, target: Path) -> None:
        if first == "rows":
            copy(source, target)
        if source.name == DATABASE:
            replace("changed")
        if first == "files":
            copy(source, target)

    monkeypatch.setattr(backup_module, "_copy", copy_and_replace)
    backup(folder, tmp_path / "kept")
    restore(tmp_path / "b", tmp_path / "kept")
    there = tmp_path / "b" / FILES / "old" / replaced.name
    assert there.read_text() == {"files": "changed", "rows": "old"}[first]


def dangling(folder: Path) -> list[str]:
    """The artifacts whose file is not there, or is not the one recorded."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        documents = [json.loads(text) for (text,) in connection.execute("SELECT doc FROM tasks")]
    assert documents
    records = [record for one in documents for record in one["execution"]["artifacts"]]
    paths = [folder / FILES / record["uri"].split("/", 3)[3] for record in records]
    return [
        str(path)
        for path, record in zip(paths, records, strict=True)
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != record["hash"]
    ]


def test_a_file_that_comes_and_goes_while_the_rows_are_copied_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_with(tmp_path / "a", "old")
    storage, copy = Storage(folder / FILES, folder / "incoming"), backup_module._copy

    def come_and_go(source: Path, target: Path) -> None:
        if source.name == DATABASE:
            with storage.receive() as upload:
                upload.close(upload.open(("deep", "down", "brief")))
                upload.commit()
        copy(source, target)
        if source.name == DATABASE:
            storage.delete(("deep", "down", "brief"))

    monkeypatch.setattr(backup_module, "_copy", come_and_go)
    backup(folder, tmp_path / "kept")
    restore(tmp_path / "b", tmp_path / "kept")
    assert (tmp_path / "b" / FILES / "deep" / "down" / "brief").is_file()
    assert not (folder / FILES / "deep" / "down" / "brief").exists()
    assert not (folder / "leaving").exists()


def test_a_backup_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", "old")
    backup(folder, tmp_path / "kept")
    kept = (tmp_path / "kept").read_bytes()
    for target, words in [
        (tmp_path / "kept", "exists and is not replaced without --force"),
        (tmp_path, "exists and is not a file"),
        (tmp_path / "no" / "x", "is not a folder"),
        (folder / FILES / "x", "inside the folder of stored files"),
    ]:
        with pytest.raises(Failure, match=words):
            backup(folder, target)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match="nothing to back up"):
        backup(tmp_path / "empty", tmp_path / "x")
    with pytest.raises(Failure, match="is not a folder"):
        backup(tmp_path / "nowhere", tmp_path / "x")
    assert (tmp_path / "kept").read_bytes() == kept
    backup(folder, tmp_path / "kept", force=True)
    (folder / DATABASE).write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(Failure, match="cannot copy"):
        backup(folder, tmp_path / "x")
    names = [path.name for path in (*tmp_path.iterdir(), *folder.iterdir())]
    assert not [name for name in names if ".part" in name or "draft" in name]


def test_a_disk_without_room_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path / "a", "old")
    backup(folder, tmp_path / "kept")
    usage = type("Usage", (), {"free": 7})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Failure, match="free bytes, got 7;"):
        backup(folder, tmp_path / "x")
    with pytest.raises(Failure, match="free bytes, got 7;"):
        restore(folder, tmp_path / "kept")
    assert said_by(folder) == {"old"}


def test_a_damaged_backup_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    folder, kept = folder_with(tmp_path / "a", "old"), tmp_path / "kept"
    backup(folder, kept)
    sound = kept.read_bytes()
    places = {0, 5, len(sound) - 1, len(sound) - 70, *range(11, len(sound), len(sound) // 23)}
    damaged = [sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :] for place in sorted(places)]
    cut = [sound[:place] for place in (0, 1, 70, len(sound) // 2, len(sound) - 1)]
    for content in [*damaged, *cut, sound + b"\0", b"no zip", b"PK\3\4" + b"x" * 200]:
        kept.write_bytes(content)
        with pytest.raises(Failure, match="use another copy"):
            restore(folder, kept)
    with pytest.raises(Failure, match="cannot read"):
        restore(folder, tmp_path / "nothing")
    assert said_by(folder) == {"old"}
    assert not list(folder.glob("upkeep-draft-*"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.update(kind="mongo"), "its kind is 'mongo'"),
        (lambda told: told.update(format=2), "of a later release"),
        (lambda told: told["schema"].append("m999_later"), "m999_later of a later release"),
        (lambda told: told["members"].pop("schedules.sqlite"), "other files than its manifest"),
        (lambda told: told["members"][DATABASE].update(bytes=10), "differs from the manifest"),
        (lambda told: told["members"][DATABASE].update(sha256="0" * 64), "differs from the manifest"),
        (lambda told: told.update(more=1), "is not a valid backup"),
    ],
)
def test_a_backup_of_something_else_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    folder = folder_with(tmp_path / "a", "old")
    backup(folder, tmp_path / "kept")
    rewrite(tmp_path / "kept", change)
    with pytest.raises(Failure, match=words):
        restore(folder, tmp_path / "kept")
    assert said_by(folder) == {"old"}
    assert not list(folder.glob("upkeep-draft-*"))


@pytest.mark.parametrize(
    "name", ["../x.sqlite", "/etc/x", "files/../../x", "files", "files/a\\b", "notes.txt", "a/b.sqlite", "files//x"]
)
def test_an_archive_never_writes_elsewhere(tmp_path: Path, name: str) -> None:
    folder = folder_with(tmp_path / "a", "old")
    backup(folder, tmp_path / "kept")

    def rename(told: dict[str, Any]) -> None:
        told["members"][name] = told["members"].pop("schedules.sqlite")

    rewrite(tmp_path / "kept", rename, {"schedules.sqlite": name})
    with pytest.raises(Failure, match=r"is not part of a backup|contains a file that cannot be restored"):
        restore(folder, tmp_path / "kept")
    assert said_by(folder) == {"old"}


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any], names: dict[str, str] | None = None) -> None:
    """Another archive, whose seal is right, with another manifest and other names."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    told = json.loads(members.pop("manifest.json"))
    change(told)
    with path.open("w+b") as file:
        with zipfile.ZipFile(file, "w") as packed:
            packed.comment = b"sha256:" + b"0" * 64
            for name, content in [*members.items(), ("manifest.json", json.dumps(told).encode())]:
                packed.writestr((names or {}).get(name, name), content)
        archive._seal(file)


def test_a_restore_waits_for_no_server_and_changes_nothing_under_one(tmp_path: Path) -> None:
    with running_backend(tmp_path / "data") as running:
        backup(running.status.data_dir, tmp_path / "kept")
        with pytest.raises(Failure, match=r"is running \(process \d+\); stop it first"):
            restore(running.status.data_dir, tmp_path / "kept")
        assert launcher.status(running.status.data_dir).running


def test_upgrade_brings_an_older_store_up_after_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:-2])
        folder = folder_with(tmp_path / "a", "old")
        older = backup(folder, tmp_path / "older")
    done = upgrade(folder)
    assert (done.before, done.after) == (older.schema, migrations.MIGRATIONS[-1].__name__)
    assert done.backup is not None
    assert done.backup.schema == older.schema
    assert upgrade(folder).backup is None
    # An older backup is brought up when the store is opened.
    restore(folder, tmp_path / "older")
    assert upgrade(folder).before == older.schema
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES ('m999_later', '')")
    with pytest.raises(Failure, match="m999_later of a later release"):
        upgrade(folder)
    with pytest.raises(Failure, match="no store to upgrade"):
        upgrade(tmp_path / "nothing")


def test_the_module_has_the_verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, kept = str(folder_with(tmp_path / "a", "old")), str(tmp_path / "kept")

    def run(*arguments: str) -> str:
        code = __main__.main([*arguments, "--data-dir", folder])
        told = capsys.readouterr()
        return f"{code} {told.out}{told.err}"

    assert run("backup", kept).startswith("0 ")
    assert "1 tasks" in run("backup", kept, "--force")
    assert run("backup", kept).startswith("1 ")
    assert "The previous data is in" in run("restore", kept)
    assert json.loads(run("restore", kept, "--json")[2:])["backup"]["counts"]["files"] == 2
    assert run("upgrade") == "0 The store is up to date.\n"
