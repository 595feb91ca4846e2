"""What a step says of itself when it fails. The function travels with a step: list it in its `helper_functions=[…]`."""

from typing import Any


def tell_failure(task: Any, message: str) -> str:
    """Writes on the Task why it is about to fail: runtime property `failure`, and the comment that the UI shows.

    The message of the exception alone does not do: the SDK drops reports that wait when a step raises, and an agent
    replaces the status reason by the exit code.

    Returns:
        The message, to raise.
    """
    if task is not None:
        task._set_runtime_properties({"failure": message})
        task.set_comment(message)
        task.flush(wait_for_uploads=True)
    return message
