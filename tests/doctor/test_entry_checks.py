"""What `flows doctor` finds of entries and processes that name modules of an earlier release."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from clearml_flows.doctor.check_result import failed, warning
from clearml_flows.doctor.entry_checks import check_entries, check_release
from clearml_flows.localserver.state import ServerState, write_state
from clearml_flows.settings import load
from tests.support.home import Home, make_home

OLD_LINE = (
    "* * * * * cd /srv && FLOWS_SETTINGS=/srv/settings.toml /srv/bin/python -m ops.cli schedule tick >> log 2>&1\n"
)
OLD_SERVICE = '[Service]\nExecStart="/srv/bin/python" "-m" "ops.cli" "schedule" "tick"\n'
OLD_TASK = '<Arguments>/d /c "set "FLOWS_SETTINGS=x" && "C:\\python.exe" -m ops.cli schedule tick"</Arguments>\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A user whose `crontab` and `schtasks` print the files `cron` and `task` of the folder."""
    home = make_home(tmp_path / "home", monkeypatch)
    programs = tmp_path / "bin"
    programs.mkdir()
    for program, file in (("crontab", "cron"), ("schtasks", "task")):
        (programs / program).write_text(f'#!/bin/sh\nexec cat "{home.folder / file}"\n')
        (programs / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return home


@pytest.mark.parametrize(
    ("file", "text", "scheduler"),
    [
        ("cron", OLD_LINE, "cron"),
        (".config/systemd/user/flows-schedule.service", OLD_SERVICE, "systemd"),
        ("task", OLD_TASK, "windows"),
    ],
)
def test_an_entry_of_an_earlier_release_is_told_with_the_command_that_writes_it_anew(
    home: Home, file: str, text: str, scheduler: str
) -> None:
    assert check_entries(load()).status == "ok"
    path = home.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    told = f"the entry of {scheduler} starts `python -m ops.cli`, a command of an earlier release"
    assert check_entries(load()) == failed("entries", told, f"flows schedule install --{scheduler} --apply")
    path.write_text(text.replace("ops.cli", "clearml_flows"))
    assert check_entries(load()).status == "ok"


def test_a_comment_about_the_old_command_is_no_entry(home: Home) -> None:
    (home.folder / "cron").write_text(f"# {OLD_LINE}")
    assert check_entries(load()).status == "ok"


def test_a_backend_of_an_earlier_release_is_to_be_started_again(home: Home) -> None:
    assert check_release(load()).status == "ok"
    home.data_dir.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "localserver", "serve"]) as server:
        try:
            write_state(home.data_dir, running(server.pid))
            told = f"process {server.pid} is the embedded backend of an earlier release"
            assert check_release(load()) == warning("release", told, "flows server down && flows server up")
        finally:
            server.kill()


def running(pid: int) -> ServerState:
    return ServerState(pid, psutil.Process(pid).create_time(), "instance")
