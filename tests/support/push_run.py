"""Runs tests/support/push_story.py on two backends that run, and returns what it told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def tell(folder: Path) -> dict[str, Any]:
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARML_", "FLOWS_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.push_story", str(folder)],
        cwd=ROOT,
        env={**environment, "HOME": str(home), "CLEARML_SUPPRESS_UPDATE_MESSAGE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))
