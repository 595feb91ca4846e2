import os
from pathlib import Path

import pytest

from clearml_flows.errors import FlowsError, Locked
from clearml_flows.lock import run_lock


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        run_lock(tmp_path, "churn"),
        pytest.raises(Locked, match=rf"another run of churn is under way \(process {os.getpid()}\)"),
        run_lock(tmp_path, "churn"),
    ):
        pass


def test_a_run_that_may_overlap_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_lock(tmp_path, "churn"):
        monkeypatch.setenv("FLOWS_SHARED", "1")
        with run_lock(tmp_path, "churn"):
            pass


def test_another_flow_and_a_later_run_are_free(tmp_path: Path) -> None:
    with run_lock(tmp_path, "churn"), run_lock(tmp_path, "wine"):
        pass
    with run_lock(tmp_path, "churn"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FlowsError, match="cannot be written to"), run_lock(tmp_path / "file", "churn"):
        pass
