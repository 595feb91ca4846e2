"""A tracked process that ends with an exception that nobody caught."""

import json
import sys
from pathlib import Path

from clearml import Task


def fail(answer: str, project: str) -> None:
    Task.force_store_standalone_script()
    task = Task.init(project, "the failing task", auto_resource_monitoring=False)
    Path(answer).write_text(json.dumps({"document": {"task": task.id}, "faults": []}), encoding="utf-8")
    # Ending with an exception stops the thread that looks at the script, which then prints exceptions of its own.
    task._wait_for_repo_detection()
    print("the last words")  # noqa: T201  (its console)
    raise RuntimeError("this goes wrong on purpose")


fail(*sys.argv[1:])
