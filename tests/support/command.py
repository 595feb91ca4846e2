"""The `flows` command as a person uses it: installed, in a process of its own, against a backend."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.backend import Backend
from tests.support.installed import install_flows

ROOT = Path(__file__).parents[2]
IN_TURN = """
import json, os, sys
from click.testing import CliRunner
from clearml_flows.cli.main import main
ended = [CliRunner().invoke(main, arguments) for arguments in json.loads(sys.argv[1])]
told = [{"exit_code": one.exit_code, "stdout": one.stdout, "stderr": one.stderr} for one in ended]
os.write(1, ("\\n" + json.dumps(told)).encode())
"""


@dataclass(frozen=True)
class Done:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """What `--json` printed."""
        assert self.exit_code == 0, self
        return json.loads(self.stdout)

    def said(self, *words: str) -> None:
        """It ended well and printed these words."""
        assert self.exit_code == 0, self
        for word in words:
            assert word in self.stdout, self

    def refused(self, exit_code: int, *words: str) -> None:
        """It ended with one sentence on stderr and printed nothing else."""
        assert self.exit_code == exit_code, self
        assert self.stdout == ""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("error: ")
        for word in words:
            assert word in lines[0], lines[0]


@dataclass(frozen=True)
class Flows:
    """`flows(…)` runs the installed command in `folder`."""

    backend: Backend
    folder: Path

    def __call__(self, *arguments: str | Path) -> Done:
        return self._run(self.command, *map(str, arguments))

    def python(self, *arguments: str) -> Done:
        return self._run(sys.executable, "-W", "ignore", *arguments)

    def in_turn(self, *commands: list[str]) -> list[Done]:
        """Several commands in one process, which saves the time that each would take to start."""
        done = self.python("-c", IN_TURN, json.dumps(commands))
        assert done.exit_code == 0, done
        return [Done(**one) for one in json.loads(done.stdout.splitlines()[-1])]

    @cached_property
    def command(self) -> str:
        return f"{install_flows(self.folder.parent / 'bin').split(os.pathsep)[0]}/flows"

    def environment(self) -> dict[str, str]:
        """That of a process that uses the backend."""
        project = {"PYTHONPATH": str(ROOT), "FLOWS_SETTINGS": str(ROOT / "settings.toml")}
        return self.backend.env(**project, FLOWS__SERVER__DATA_DIR=self.backend.status.data_dir)

    def _run(self, *command: str) -> Done:
        done = subprocess.run(
            command,
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)
