import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.schedule import store as store_module
from clearml_flows.schedule.schema import KIND
from clearml_flows.schedule.store import Planned, Store
from tests.schedule.conftest import START, WAYS, Scheduler


def set_pragma(path: Path, pragma: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA {pragma}")


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_bytes(b"{}" * 4000), "not a database"),
        (damage, "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:4096]), "damaged"),
        (lambda path: set_pragma(path, "application_id = 7"), "of something else"),
        (lambda path: set_pragma(path, "user_version = 99"), "of a later release"),
    ],
)
def test_a_damaged_file_is_refused_with_its_path_and_left_as_it_is(tmp_path: Path, write: object, says: str) -> None:
    store = Store(tmp_path)
    store.add("hourly", START, **WAYS)
    store.close()
    path = tmp_path / KIND.file
    assert callable(write)
    write(path)
    before = path.read_bytes()
    with pytest.raises(FlowsError, match=says) as caught:
        Store(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FlowsError, match=r"file.*cannot be used"):
        Store(tmp_path / "file")


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    store.add("hourly", START, **WAYS)
    files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert files == {KIND.file: 0o600, f"{KIND.file}-journal": 0o600}
    store.close()


def test_many_that_make_the_file_at_once_all_find_one(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from clearml_flows.schedule.store import Store; "
    script += "Store(Path(sys.argv[1])).schedules()"
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4


def test_a_name_is_given_once(scheduler: Scheduler) -> None:
    scheduler.add("nightly")
    with pytest.raises(BadInput, match="there is a schedule 'nightly' already"):
        scheduler.add("nightly")


def test_an_unknown_name_names_the_nearest(scheduler: Scheduler) -> None:
    scheduler.add("nightly")
    with pytest.raises(BadInput, match="no schedule 'nighly'; did you mean 'nightly'"):
        scheduler.store.schedule("nighly")


def test_a_run_is_taken_over_once(scheduler: Scheduler) -> None:
    (run,) = scheduler.store.plan(scheduler.add(), [Planned(START, "claimed")], (START, START), START)
    other = Store(scheduler.folder)
    assert scheduler.store.move(run, ("claimed", "launched"), "begun", pid=1)
    assert not other.move(run, ("claimed", "launched"), "begun", pid=2)
    assert other.run(run.number).pid == 1
    other.close()


def test_what_is_written_together_is_undone_together(scheduler: Scheduler) -> None:
    def fail() -> None:
        with scheduler.store.together():
            scheduler.add("a")
            scheduler.add("a")

    with pytest.raises(BadInput):
        fail()
    assert scheduler.store.schedules() == []


def test_the_past_is_forgotten_but_not_what_is_open(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "KEPT_RUNS", 5)
    monkeypatch.setattr(store_module, "KEPT_NOTICES", 3)
    hourly = scheduler.add()
    for number in range(12):
        state = "waiting" if number == 1 else "skipped"
        due = START + timedelta(hours=number)
        scheduler.store.plan(hourly, [Planned(due, state)], (due, due), due)
        scheduler.store.notice(due, "hourly", due, "skipped", f"number {number}")
    left = [run.scheduled for run in scheduler.store.runs(hourly, 100)]
    assert left == [START + timedelta(hours=number) for number in (11, 10, 9, 8, 7, 1)]
    assert [notice["sentence"] for notice in scheduler.store.notices()] == ["number 9", "number 10", "number 11"]


def test_whoever_reads_notices_keeps_a_cursor(scheduler: Scheduler) -> None:
    for number in range(5):
        scheduler.store.notice(START, "hourly", None, "failed", f"number {number}")
    first = scheduler.store.notices(limit=2)
    assert [notice["sentence"] for notice in first] == ["number 0", "number 1"]
    assert [notice["number"] for notice in scheduler.store.notices(first[-1]["number"])] == [3, 4, 5]
