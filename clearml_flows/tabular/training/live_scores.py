"""Pass an experiment's scores from its worker process to its Task, as JSON lines in a file.

The worker process has neither a client nor a Task.
"""

import json
from pathlib import Path
from typing import Any

from clearml_flows.tabular.reporting import send_report


def write_live(path: str, events: list[dict[str, Any]]) -> None:
    """Append events to the file at `path`, each as a line of JSON."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("".join(f"{json.dumps(event)}\n" for event in events))


def send_live(client: Any, task_id: str, path: str, start: int) -> int:
    """Send the events added to the file since byte `start`; return the next start.

    Raises:
        RuntimeError: the backend did not accept all of them.
    """
    if not Path(path).exists():
        return start
    with Path(path).open("rb") as file:
        file.seek(start)
        added = file.read()
    whole = added[: added.rfind(b"\n") + 1]
    if whole:
        send_report(client, task_id, [json.loads(line) for line in whole.splitlines()])
    return start + len(whole)
