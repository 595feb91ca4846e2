"""Write a step's failure, tags and notes on its Task."""

from typing import Any


def tell_failure(task: Any, message: str) -> str:
    """Write the reason of a failure on the Task: runtime property `failure` and the comment.

    The exception's message alone is not enough: the SDK drops waiting reports when a step raises, and an agent replaces
    the status reason by the exit code.

    Returns:
        The message, to raise.
    """
    if task is not None:
        task._set_runtime_properties({"failure": message})
        task.set_comment(message)
        task.flush(wait_for_uploads=True)
    return message


def tell_transient() -> None:
    """Mark the running Task's failure as transient, so that the controller may retry the step."""
    from clearml import Task

    task = Task.current_task()
    if task is not None:
        task._set_runtime_properties({"transient": "1"})


def tell_tags(task: Any, tags: list[str]) -> None:
    """Add tags to the Task by the API.

    `Task.add_tags` changes the SDK's own copy first. If a thread of the SDK reloads that copy then, the tags are lost.
    """
    from clearml.backend_api.session.client import APIClient

    client = APIClient()
    known = client.tasks.get_by_id(task=task.id).data.tags or []
    client.tasks.edit(task=task.id, tags=sorted({*known, *tags}), force=True)


def tell_note(task: Any, text: str) -> None:
    """Print the text and set it as the runtime property `progress_text`, shown beside the step."""
    print(text)
    if task is not None:
        task._set_runtime_properties({"progress_text": text})
