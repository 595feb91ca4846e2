"""The `flows` command as a person uses it: a process of its own, against a backend."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.backend import Backend

ROOT = Path(__file__).parents[2]


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
    """`flows(…)` runs the command in `folder`."""

    backend: Backend
    folder: Path

    def __call__(self, *arguments: str | Path, **environment: str) -> Done:
        return self.python("-m", "ops.cli", *map(str, arguments), **environment)

    def python(self, *arguments: str, **environment: str) -> Done:
        own = {"PYTHONPATH": str(ROOT), "FLOWS__SERVER__DATA_DIR": self.backend.status.data_dir, "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            env=self.backend.env(**own, **environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)
