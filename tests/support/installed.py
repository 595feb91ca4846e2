"""The `flows` command as pip installs it, for tests that run where it may not be installed."""

import os
import sys
from pathlib import Path


def install_flows(folder: Path) -> str:
    """Writes the command into a folder; the PATH with that folder first."""
    folder.mkdir(exist_ok=True)
    command = folder / "flows"
    command.write_text(
        f"#!{sys.executable} -Wignore\nfrom clearml_flows.cli.main import main\n\nmain(prog_name='flows')\n", "utf-8"
    )
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
