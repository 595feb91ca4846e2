"""Backups and restores that are killed before each of their changes to the disk."""

from functools import partial
from pathlib import Path

from clearml_flows.localserver import launcher
from clearml_flows.localserver.archive import reading
from clearml_flows.localserver.backup import backup
from clearml_flows.localserver.restore import restore
from clearml_flows.localserver.swap import JOURNAL, upkeep
from tests.support.data_folders import folder_with, said_by, survived


def test_a_killed_restore_leaves_the_old_data_or_the_new(tmp_path: Path) -> None:
    """Killed before each of its changes to the disk, one after the other, until it comes to its end."""
    backup(folder_with(tmp_path / "a", "newer"), tmp_path / "kept")
    outcomes = []
    for step in range(1, 300):
        target = folder_with(tmp_path / f"b{step}", "old")
        if survived(partial(restore, target, tmp_path / "kept"), target, step):
            break
        decided = (target / JOURNAL).exists()
        with upkeep(target):
            outcomes.append(said_by(target))
        assert outcomes[-1] in ({"old"}, {"newer"}), f"killed before change {step}"
        assert not decided or outcomes[-1] == {"newer"}
        assert not list(target.glob("upkeep-draft-*"))
        assert not (target / JOURNAL).exists()
    assert outcomes.count({"old"}) > 5
    assert outcomes.count({"newer"}) > 5
    assert outcomes == sorted(outcomes, key=lambda words: words == {"newer"})


def test_a_server_finishes_a_restore_that_was_decided(tmp_path: Path) -> None:
    backup(folder_with(tmp_path / "a", "newer"), tmp_path / "kept")
    step, target = 1, folder_with(tmp_path / "b1", "old")
    while not survived(partial(restore, target, tmp_path / "kept"), target, step) and not (target / JOURNAL).exists():
        step, target = step + 1, folder_with(tmp_path / f"b{step + 1}", "old")
    assert (target / JOURNAL).exists()
    (target / "credentials.json").unlink()
    launcher.up(target, 0, 0)
    launcher.down(target)
    assert "newer" in said_by(target)


def test_a_killed_backup_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    folder, whole = folder_with(tmp_path / "a", "old"), 0
    for step in range(1, 300):
        target = tmp_path / f"kept {step}"
        if survived(partial(backup, folder, target), tmp_path, step):
            break
        if target.exists():
            whole += 1
            with reading(target) as archive:
                assert archive.manifest.counts["files"] == 2
        assert said_by(folder) == {"old"}
    assert step > 15
    assert whole > 0
    backup(folder, tmp_path / "kept")
    assert not list(folder.glob("upkeep-draft-*"))
