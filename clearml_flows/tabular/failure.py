"""What a step says of itself beyond its console. These travel with a step: list them in its `helper_functions=[…]`."""

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


def tell_transient() -> None:
    """Marks the running Task: what it is about to fail for may pass, so that the controller may try it again."""
    from clearml import Task

    task = Task.current_task()
    if task is not None:
        task._set_runtime_properties({"transient": "1"})


def tell_tags(task: Any, tags: list[str]) -> None:
    """Adds tags to the Task.

    `Task.add_tags` changes the SDK's own copy first, which a thread of the SDK may read anew in that moment: then the
    tags are lost.
    """
    from clearml.backend_api.session.client import APIClient

    client = APIClient()
    known = client.tasks.get_by_id(task=task.id).data.tags or []
    client.tasks.edit(task=task.id, tags=sorted({*known, *tags}), force=True)


def tell_note(task: Any, text: str) -> None:
    """Prints the text and keeps it as the runtime property `progress_text`, shown beside the step."""
    print(text)
    if task is not None:
        task._set_runtime_properties({"progress_text": text})
