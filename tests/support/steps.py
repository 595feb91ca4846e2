"""Runs a step as ClearML does: its generated script, in a process of its own, as a Task of a backend."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.backend import Backend
from tests.support.travel import ROOT, steps


@dataclass(frozen=True)
class Ran:
    """How the process of a step ended."""

    exit_code: int
    output: str

    def told(self, mark: str) -> Any:
        found = re.search(rf"^{mark} (.*)$", self.output, re.MULTILINE)
        assert found, self.output
        return json.loads(found[1])

    @property
    def task_id(self) -> str:
        return str(self.told("TASK"))

    @property
    def returned(self) -> Any:
        """What the step returned, its JSON texts as values."""
        return [json.loads(value) if isinstance(value, str) else value for value in self.told("RETURNED")]


def run_step(backend: Backend, folder: Path, step: str, in_project: str, **arguments: Any) -> Ran:
    """Run the step as a controller on this machine does: with the modules of the project on the path."""
    script = steps()[step].script
    defaults = re.search(r"^    kwargs = (\{.*\})$", script, re.MULTILINE)
    assert defaults, script
    begin = f"task = Task.init(project_name={in_project!r}, task_name={step!r}, reuse_last_task_id=False,\n"
    script = script.replace("task = Task.init(\n", begin, 1)
    arguments_given = f"    print('TASK', json.dumps(task.id))\n    kwargs = {defaults[1]} | {arguments!r}"
    script = f"import json\n{script.replace(defaults[0], arguments_given)}    print('RETURNED', json.dumps(results))\n"
    path = folder / f"{step}.py"
    path.write_text(script, "utf-8")
    command = [sys.executable, "-P", str(path)]
    env = backend.env()
    env["PYTHONPATH"] = str(ROOT)
    child = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)
    return Ran(child.returncode, child.stdout + child.stderr)
