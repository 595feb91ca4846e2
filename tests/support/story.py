"""Many commands in one child process against one backend, and what each of them did."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.backend import running_backend

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Story:
    """What each command did, and the folder of its files."""

    told: dict[str, Any]
    folder: Path

    def __getitem__(self, name: str) -> Any:
        return self.told[name]

    def refused(self, name: str, exit_code: int, *words: str) -> None:
        """The command ended with one sentence on stderr and wrote nothing."""
        done = self[name]
        assert done["exit_code"] == exit_code, done
        assert done["stdout"] == ""
        lines = [line for line in done["stderr"].splitlines() if not line.startswith("note: ")]
        assert len(lines) == 1, done["stderr"]
        assert lines[0].startswith("error: ")
        for word in words:
            assert word in lines[0]
        assert not (self.folder / f"{name} out.csv").exists()

    def done(self, name: str, words: str = "") -> None:
        assert self[name]["exit_code"] == 0, self[name]
        assert words in self[name]["stdout"]


def tell(module: str, folder: Path) -> Story:
    """The story that `tests/support/<module>.py` tells, as JSON on its last line, of a backend of its own."""
    with running_backend(folder / "data") as backend:
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", f"tests.support.{module}", str(folder)],
            cwd=ROOT,
            env=backend.env(FLOWS__SERVER__DATA_DIR=str(folder / "data")),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert child.returncode == 0, child.stdout + child.stderr
    return Story(json.loads(child.stdout.splitlines()[-1]), folder)
