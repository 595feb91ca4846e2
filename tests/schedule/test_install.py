import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.errors import FlowsError
from clearml_flows.schedule import install
from clearml_flows.schedule.install import Machine

FOREIGN = "MAILTO=me@example.com\n# mine\n0 5 * * 1 tar -zcf /var/backups/home.tgz /home/\n\n@daily echo 'a  b'"
FAKE_CRONTAB = """#!/bin/sh
case "$1" in
-l) [ -e "$CRONTAB" ] && exec cat "$CRONTAB"; echo "${CRONTAB_SAYS:-no crontab for me}" >&2; exit 1;;
-) exec cat > "$CRONTAB";;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose path has what shells, cron and systemd would take for theirs."""
    folder = tmp_path / '50% of $HOME\'s "work"'
    folder.mkdir()
    (folder / "settings.toml").write_bytes((Path(__file__).parents[2] / "settings.toml").read_bytes())
    monkeypatch.setenv("FLOWS_SETTINGS", str(folder / "settings.toml"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the user's crontab holds; the program is one of the test's own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(FAKE_CRONTAB)
    (programs / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CRONTAB", str(tmp_path / "crontab"))
    return tmp_path / "crontab"


def flows_install(*options: str) -> Result:
    return CliRunner().invoke(main, ["schedule", "install", *options])


def test_the_line_of_cron_starts_a_tick_with_these_settings(folder: Path) -> None:
    begin, line, end = flows_install("--cron").stdout.splitlines()
    assert begin.startswith("# ")
    assert end.startswith("# ")
    assert line.startswith("* * * * * ")
    command = line.removeprefix("* * * * * ").replace(r"\%", "%")
    told = 'printf "%s\\n" "$PWD" "$FLOWS_SETTINGS"; #'
    # Up to the program the shell does as cron's would; in its place stands one that tells where it is.
    before = command.partition(shlex.quote(sys.executable))[0].replace("FLOWS_SETTINGS=", "export FLOWS_SETTINGS=")
    done = subprocess.run(["sh", "-c", f"{before}; {told}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(folder), str(folder / "settings.toml")]
    assert "%" not in line.replace(r"\%", "")
    words = shlex.split(command)
    assert words[words.index(sys.executable) :] == [
        *[sys.executable, "-m", "clearml_flows", "schedule", "tick"],
        *[">>", str(folder / ".flows" / "logs" / "schedule.log"), "2>&1"],
    ]


@pytest.mark.parametrize("before", [None, "", FOREIGN, f"{FOREIGN}\n"])
def test_apply_leaves_every_other_line_of_the_crontab(folder: Path, crontab: Path, before: str | None) -> None:
    if before is not None:
        crontab.write_text(before)
    assert flows_install("--cron", "--apply").exit_code == 0
    once = crontab.read_text()
    ours = flows_install("--cron").stdout
    assert once == (f"{before}\n" if before == FOREIGN else before or "") + ours
    crontab.write_text(f"{once}1 1 * * * later\n")
    assert flows_install("--cron", "--apply").exit_code == 0
    assert crontab.read_text() == once.removesuffix(ours) + "1 1 * * * later\n" + ours


def test_a_crontab_that_cannot_be_read_is_not_written(
    folder: Path, crontab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRONTAB_SAYS", "you are not allowed to use this program")
    done = flows_install("--cron", "--apply")
    assert (done.exit_code, crontab.exists()) == (1, False)
    assert done.stderr == "error: crontab -l failed: you are not allowed to use this program\n"


def test_a_block_without_its_end_is_left_alone(folder: Path, crontab: Path) -> None:
    torn = "\n".join([*flows_install("--cron").stdout.splitlines()[:2], "5 5 * * * mine\n"])
    crontab.write_text(torn)
    done = flows_install("--cron", "--apply")
    assert (done.exit_code, crontab.read_text()) == (1, torn)
    assert "without its end" in done.stderr


def test_without_a_crontab_program_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert flows_install("--cron", "--apply").stderr.startswith("error: crontab was not found")


def test_systemd_units_are_written_and_written_again_but_not_over_anothers(folder: Path) -> None:
    units = Path.home() / ".config" / "systemd" / "user"
    assert flows_install("--systemd", "--apply").exit_code == 0
    assert sorted(path.name for path in units.iterdir()) == ["flows-schedule.service", "flows-schedule.timer"]
    service = (units / "flows-schedule.service").read_text()
    folder_told = str(folder).replace("%", "%%")
    assert f"WorkingDirectory={folder_told}\n" in service
    escaped = folder_told.replace('"', '\\"')
    assert f'Environment="FLOWS_SETTINGS={escaped}/settings.toml"\n' in service
    assert f'ExecStart="{sys.executable}" "-m" "clearml_flows" "schedule" "tick"\n' in service
    assert flows_install("--systemd", "--apply").exit_code == 0
    (units / "flows-schedule.timer").write_text("[Timer]\n")
    done = flows_install("--systemd", "--apply")
    assert done.exit_code == 1
    assert "flows-schedule.timer was not written by this command" in done.stderr
    assert (units / "flows-schedule.timer").read_text() == "[Timer]\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(folder: Path) -> None:
    assert flows_install("--systemd", "--apply").exit_code == 0
    units = Path.home() / ".config" / "systemd" / "user"
    done = subprocess.run(
        [
            "systemd-analyze",
            "--user",
            "verify",
            str(units / "flows-schedule.timer"),
            str(units / "flows-schedule.service"),
        ],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "flows-schedule" in line]
    assert (complaints, done.returncode) == ([], 0), done.stderr


def test_the_task_of_windows_is_well_formed_and_names_what_it_starts() -> None:
    machine = Machine(r"C:\R&D <1>\python.exe", Path(r"C:\R&D <1>\settings.toml"), Path("log"))
    told = {re.sub("{.*}", "", one.tag): one.text for one in ElementTree.fromstring(install.windows(machine)).iter()}  # noqa: S314  # our own
    assert told["Interval"] == "PT1M"
    assert told["Arguments"] == (
        r'/d /c "set "FLOWS_SETTINGS=C:\R&D <1>\settings.toml" && '
        r'"C:\R&D <1>\python.exe" -m clearml_flows schedule tick"'
    )


def test_windows_is_not_applied_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = flows_install("--windows", "--apply")
    assert (done.exit_code, "schtasks was not found" in done.stderr) == (1, True)


def test_one_scheduler_is_to_be_named(folder: Path) -> None:
    done = flows_install()
    assert (done.exit_code, done.stderr) == (2, "error: expected --systemd, --cron or --windows\n")


def test_a_line_break_in_a_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_folder = tmp_path / "a\n* * * * * evil"
    machine_folder.mkdir()
    (machine_folder / "settings.toml").write_bytes((Path(__file__).parents[2] / "settings.toml").read_bytes())
    monkeypatch.setenv("FLOWS_SETTINGS", str(machine_folder / "settings.toml"))
    from clearml_flows.settings import load

    with pytest.raises(FlowsError, match="control characters"):
        install.this_machine(load())
