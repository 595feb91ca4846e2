"""The status of a Task: the only place where it changes, and the table that says how."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from localserver import errors

Fields = dict[str, Any]

CREATED, QUEUED, IN_PROGRESS, STOPPED = "created", "queued", "in_progress", "stopped"
COMPLETED, FAILED, CLOSED, PUBLISHED = "completed", "failed", "closed", "published"
STATUSES = frozenset({CREATED, QUEUED, IN_PROGRESS, STOPPED, COMPLETED, FAILED, CLOSED, PUBLISHED})
_AFTER_QUEUE = STATUSES - {QUEUED, PUBLISHED}
_ENDED = frozenset({STOPPED, COMPLETED, FAILED, CLOSED})


class Change(NamedTuple):
    """From one of these states to another one; with force, from any but `published`."""

    origins: frozenset[str]
    to: str
    # The field that notes when it happened.
    stamp: str = ""


ACTIONS: Mapping[str, Change] = {
    "enqueue": Change(frozenset({CREATED, STOPPED}), QUEUED),
    "dequeue": Change(frozenset({QUEUED, IN_PROGRESS}), CREATED),
    "started": Change(frozenset({CREATED, QUEUED, IN_PROGRESS, STOPPED, COMPLETED, FAILED}), IN_PROGRESS, "started"),
    "stopped": Change(frozenset({QUEUED, IN_PROGRESS, STOPPED, COMPLETED}), STOPPED, "completed"),
    "completed": Change(frozenset({IN_PROGRESS, STOPPED, COMPLETED}), COMPLETED, "completed"),
    "failed": Change(frozenset({IN_PROGRESS, STOPPED, FAILED}), FAILED, "completed"),
    "close": Change(frozenset({IN_PROGRESS, STOPPED, CLOSED}), CLOSED, "completed"),
    "publish": Change(_ENDED, PUBLISHED, "published"),
    "reset": Change(frozenset({CREATED, QUEUED, IN_PROGRESS}) | _ENDED, CREATED),
}


def born() -> Fields:
    """The fields of a new task that tell its status."""
    return {"status": CREATED}


def check(task: Mapping[str, Any], action: str, force: bool = False) -> Change:
    """The change that `action` stands for; raises errors.InvalidTaskStatus when the task's status does not allow it."""
    change = ACTIONS[action]
    status = task["status"]
    if status in change.origins or (force and status != PUBLISHED):
        return change
    raise errors.InvalidTaskStatus("Invalid status change", current_status=status, new_status=change.to)


def apply(
    task: Fields,
    action: str,
    now: str,
    *,
    reason: str | None = None,
    message: str | None = None,
    force: bool = False,
    to: str | None = None,
) -> Fields:
    """Change the status of `task` and return the fields that changed; raises errors.InvalidTaskStatus.

    `to` names another state to go to than the action's own, as agents do when they take a task out of its queue.
    """
    change = check(task, action, force)
    if to is not None and to not in _AFTER_QUEUE:
        raise errors.InvalidFields("not a status to go to from a queue", field="new_status", found=to)
    fields: Fields = {
        "status": to or change.to,
        "status_reason": reason or "",
        "status_message": message or "",
        "status_changed": now,
    }
    if change.stamp and task["status"] != change.to:
        fields[change.stamp] = now
        if change.stamp == "completed" and task.get("started"):
            fields["active_duration"] = _seconds(task["started"], now)
    task.update(fields)
    return fields


def _seconds(start: str, end: str) -> int:
    return max(0, int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()))


def editable(task: Mapping[str, Any], force: bool = False) -> None:
    """Raises errors.InvalidTaskStatus unless the task is new, or it is forced and the task has not ended."""
    status = task["status"]
    if status != CREATED and not (force and status != PUBLISHED):
        raise errors.InvalidTaskStatus(expected=CREATED, status=status)


def running(task: Mapping[str, Any], force: bool = False) -> None:
    """Raises errors.InvalidTaskStatus unless the task is new, or it is forced and the task still runs."""
    status = task["status"]
    allowed = (CREATED, IN_PROGRESS) if force else (CREATED,)
    if status not in allowed:
        raise errors.InvalidTaskStatus(expected=CREATED, status=status)
