"""docker/server.sh and docker/server.ps1: sound, and nothing but another name for `flows server … --docker`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docker"
SHELL = FOLDER / "server.sh"
POWERSHELL = (FOLDER / "server.ps1").read_bytes().decode("ascii")
CODE = re.sub(r"^\s*#.*$", "", POWERSHELL, flags=re.M)
posix = pytest.mark.skipif(sys.platform == "win32", reason="a script for POSIX's sh")


@posix
def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([shellcheck, SHELL], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@posix
@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], "server|status|--docker"),
        (["backup", "a file with blanks"], "server|backup|a file with blanks|--docker"),
        (["logs", "apiserver", "-n", "5"], "server|logs|apiserver|-n|5|--docker"),
    ],
)
@pytest.mark.parametrize("installed", ["PATH", ".venv"])
def test_the_shell_script_calls_flows(tmp_path: Path, given: list[str], passed: str, installed: str) -> None:
    script = tmp_path / "a project" / "docker" / "server.sh"
    folder = tmp_path / "bin" if installed == "PATH" else tmp_path / "a project" / ".venv" / "bin"
    for path in (script.parent, folder):
        path.mkdir(parents=True)
    shutil.copy(SHELL, script)
    flows = folder / "flows"
    flows.write_text('#!/bin/sh\nIFS="|"\necho "$*"\nexit 5\n')
    flows.chmod(0o755)
    search = f"{folder}:/usr/bin:/bin" if installed == "PATH" else "/usr/bin:/bin"
    done = subprocess.run([script, *given], capture_output=True, text=True, check=False, env={"PATH": search})
    assert (done.returncode, done.stdout.strip(), done.stderr) == (5, passed, "")


@posix
def test_the_shell_script_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    script = shutil.copy(SHELL, tmp_path / "docker")
    done = subprocess.run([script, "up"], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: flows is not installed; run make setup in {tmp_path}\n"


def test_powershell_is_strict_and_ends_with_the_exit_code_of_flows() -> None:
    lines = [line for line in CODE.splitlines() if line.strip()]
    assert lines[:2] == ["Set-StrictMode -Version Latest", "$ErrorActionPreference = 'Stop'"]
    assert lines[-2:] == ["& $flows server @words --docker", "exit $LASTEXITCODE"]


def test_powershell_uses_no_variable_that_it_has_not_set() -> None:
    own = {"PSScriptRoot", "ErrorActionPreference", "LASTEXITCODE", "null", "args"}
    given = {name.lower() for name in own | set(re.findall(r"^\s*\$(\w+) =", CODE, re.M))}
    assert {name.lower() for name in re.findall(r"[$@]([A-Za-z]\w*)", CODE)} <= given
    assert not re.search(r"^\s*\$(args|input|error|host|home|pid) =", CODE, re.M | re.I)


def test_powershell_is_balanced_and_has_no_aliases_and_no_invoked_text() -> None:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", CODE)
    for opening, closing in ("{}", "()", "[]"):
        assert bare.count(opening) == bare.count(closing)
    assert '"' not in bare
    assert not re.search(r"\b(iex|Invoke-Expression|gcm|echo|cd|ls|rm|cat|where|select)\b(?!-)", bare, re.I)
    verbs = set(re.findall(r"\b([A-Z][a-z]+-[A-Z]\w+)", bare))
    assert verbs == {"Set-StrictMode", "Split-Path", "Join-Path", "Get-Command", "Select-Object", "Test-Path"}


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
def test_powershell_parses_it() -> None:
    parse = "[void][ScriptBlock]::Create([IO.File]::ReadAllText($env:SCRIPT))"
    command = ["pwsh", "-NoProfile", "-NonInteractive", "-Command", parse]
    subprocess.run(command, check=True, timeout=60, env={"SCRIPT": str(FOLDER / "server.ps1")})
