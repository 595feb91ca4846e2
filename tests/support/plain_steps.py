"""Steps as plain functions, in one process and one Task: `plain_steps.py CALLS` with a JSON file of {step: arguments}.

Prints what each returned as JSON, behind the word RETURNED.
"""

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearml import Task


def main(calls: str) -> None:
    """Calls the steps in their order; arguments are text, as on a Task's page."""
    Task.init("plain-steps", "plain steps", reuse_last_task_id=False, auto_connect_frameworks=False)
    casts: dict[Any, Callable[[str], Any]] = {int: int, float: float, bool: lambda text: text == "True", str: str}
    returned = {}
    for name, arguments in json.loads(Path(calls).read_text("utf-8")).items():
        step = inspect.unwrap(getattr(importlib.import_module(f"components.{name}"), name))
        kinds = inspect.get_annotations(step)
        result = step(**{key: casts[kinds[key]](text) for key, text in arguments.items()})
        returned[name] = result[0] if isinstance(result, tuple) else result
    sys.stdout.write(f"\nRETURNED {json.dumps(returned)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
