"""How far an experiment is, from the process that computes it to its Task: events, a line each, in a file.

The process that computes has neither a client nor a Task. Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.reporting import send_report


def write_live(path: str, events: list[dict[str, Any]]) -> None:
    """Adds events to the file at `path`, each as a line of JSON."""
    import json
    from pathlib import Path

    with Path(path).open("a", encoding="utf-8") as file:
        file.write("".join(f"{json.dumps(event)}\n" for event in events))


def send_live(client: Any, task_id: str, path: str, start: int) -> int:
    """Sends the events that were added to the file since byte `start`, and returns where the next ones will begin.

    Raises:
        RuntimeError: the backend did not take all of them.
    """
    import json
    from pathlib import Path

    if not Path(path).exists():
        return start
    with Path(path).open("rb") as file:
        file.seek(start)
        added = file.read()
    whole = added[: added.rfind(b"\n") + 1]
    if whole:
        send_report(client, task_id, [json.loads(line) for line in whole.splitlines()])
    return start + len(whole)
