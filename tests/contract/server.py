"""The ClearML backends that the contract suite runs against, and how it runs the SDK's child processes there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILDREN = Path(__file__).parent / "children"
_ROOT = Path(__file__).parents[2]
# What the SDK, its HTTP client or Python writes when an answer, an upload or a request is not what it expected.
_COMPLAINT = re.compile(
    r" - (WARNING|ERROR|CRITICAL) - |Traceback|Retrying|Action failed|[Ff]ailed (validating|parsing|sending|uploading)"
    r"|Exception|Error:|Exceeded|could not be|Could not"
)
# Said of the machine that the tests run on.
_OF_THE_MACHINE = ("Could not fetch GPU stats",)
_CONFIG = """\
api {{
    api_server: "{api}"
    web_server: "{web}"
    files_server: "{files}"
    credentials {{ access_key: "{access_key}", secret_key: "{secret_key}" }}
}}
sdk.development {{ report_use_subprocess: false, suppress_update_message: true }}
"""


@dataclass(frozen=True)
class Told:
    """What one child process told: its document, and all that the SDK found wrong while it ran."""

    document: dict[str, Any]
    complaints: list[str]
    returncode: int

    def __getitem__(self, name: str) -> Any:
        return self.document[name]


@dataclass(frozen=True)
class Server:
    """One backend; `project` is where this run's projects are below, and begins the names of its queues."""

    kind: str
    environment: dict[str, str]
    project: str
    folder: Path

    def run(
        self, child: str, *arguments: str, status: int = 0, expected: Sequence[str] = (), timeout: float = 120.0
    ) -> Told:
        """Run a child script and return what it told.

        `expected` are texts of complaints that belong to what the script does. AssertionError when it ends otherwise
        than with `status`.
        """
        answer = self.folder / f"{child}-{len(list(self.folder.iterdir()))}.json"
        done = subprocess.run(
            [sys.executable, str(CHILDREN / f"{child}.py"), str(answer), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.folder,
            env={**self.environment, "PYTHONPATH": str(_ROOT)},
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == status, f"{child} ended with {done.returncode}:\n{output[-6000:]}"
        told = json.loads(answer.read_text(encoding="utf-8"))
        complaints = [line for line in output.splitlines() if _COMPLAINT.search(line)]
        unexpected = [line for line in complaints if not any(text in line for text in (*expected, *_OF_THE_MACHINE))]
        return Told(told["document"], unexpected + told["faults"], done.returncode)


def named_server(folder: Path) -> dict[str, str]:
    """The environment of clients of the real server that `CONTRACT_*` variables name."""
    variables = {name.lower(): os.environ[f"CONTRACT_{name}"] for name in ("ACCESS_KEY", "SECRET_KEY")}
    hosts = {name.lower(): os.environ[f"CONTRACT_{name}_HOST"] for name in ("API", "WEB", "FILES")}
    config = folder / "clearml.conf"
    config.touch(mode=0o600)
    config.write_text(_CONFIG.format(**variables, **hosts), encoding="utf-8")
    home = folder / "home"
    home.mkdir()
    return {**os.environ, "HOME": str(home), "USERPROFILE": str(home), "CLEARML_CONFIG_FILE": str(config)}
