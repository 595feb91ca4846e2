"""What docs/operations.md and docs/server.md tell operators to do and to install is sound."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from clearml_flows.cli.main import main
from clearml_flows.server import env_file, stack
from clearml_flows.settings import Docker, load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
SERVER_PAGE = (ROOT / "docs" / "server.md").read_text("utf-8")
AGENT, MONITOR = re.findall(r"```ini\n(.*?)```", PAGE, re.S)
HOME = "/opt/clearml-flows"


def check_command(words: list[str]) -> None:
    """`flows` with these words parses: each command and option is there."""
    with pytest.raises(SystemExit) as ended:
        main.main([*words, "--help"], prog_name="flows")
    assert ended.value.code == 0, words


def test_each_command_is_there() -> None:
    lines = re.findall(r"^flows (.+)$", PAGE + SERVER_PAGE, re.M)
    assert len(lines) > 20
    for line in lines:
        check_command(shlex.split(line, comments=True))


def test_the_page_names_the_releases_and_settings_that_there_are() -> None:
    images = stack.stack(load()).images()
    assert all(f"`{name}` {tag}" in SERVER_PAGE for name, tag in images.items())
    assert set(re.findall(r"`docker\.(\w+)`", SERVER_PAGE)) <= set(Docker.model_fields)
    tables = [tomllib.loads(text)["docker"] for text in re.findall(r"```toml\n(.*?)```", SERVER_PAGE, re.S)]
    assert env_file.from_settings(Docker(**tables[0]))["SERVER_COOKIE_DOMAIN"] == '".clearml.example.com"'


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(("name", "text"), [("clearml-flows-agent@default", AGENT), ("clearml-flows-monitor", MONITOR)])
def test_systemd_takes_the_unit(tmp_path: Path, name: str, text: str) -> None:
    command = tmp_path / ".venv" / "bin" / "flows"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / f"{name}.service"
    unit.write_text(text.replace(HOME, str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60
    )
    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line or "clearml" in line] == []


@pytest.mark.parametrize("unit", [AGENT, MONITOR])
def test_a_unit_starts_what_the_command_does(unit: str) -> None:
    [started] = re.findall(rf"^ExecStart={HOME}/\.venv/bin/flows (.+)$", unit, re.M)
    check_command(shlex.split(started))
