"""The statuses of a Task, and the only function that changes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clearml_flows.localserver import errors

Fields = dict[str, Any]

CREATED, QUEUED, IN_PROGRESS, STOPPED = "created", "queued", "in_progress", "stopped"
COMPLETED, FAILED, CLOSED, PUBLISHED = "completed", "failed", "closed", "published"
PUBLISHING, UNKNOWN = "publishing", "unknown"
# {status: statuses that may follow without force}
FOLLOWING: Mapping[str, frozenset[str]] = {
    CREATED: frozenset({QUEUED, IN_PROGRESS}),
    QUEUED: frozenset({CREATED, IN_PROGRESS, STOPPED}),
    IN_PROGRESS: frozenset({CREATED, STOPPED, FAILED, COMPLETED}),
    STOPPED: frozenset({CREATED, QUEUED, IN_PROGRESS, COMPLETED, FAILED, CLOSED, PUBLISHED}),
    COMPLETED: frozenset({CREATED, IN_PROGRESS, PUBLISHED}),
    FAILED: frozenset({CREATED, QUEUED, STOPPED, PUBLISHED}),
    CLOSED: frozenset({CREATED, STOPPED, FAILED, PUBLISHED}),
    PUBLISHING: frozenset({PUBLISHED}),
    PUBLISHED: frozenset(),
    UNKNOWN: frozenset(),
}
STATUSES = frozenset(FOLLOWING)
ACTIVE = frozenset({QUEUED, IN_PROGRESS})


def born() -> Fields:
    """Return the status fields of a new Task."""
    return {"status": CREATED}


def check(task: Mapping[str, Any], to: str) -> None:
    """Check that status `to` may follow the Task's status; raises errors.InvalidTaskStatus."""
    if to not in FOLLOWING[task["status"]]:
        raise errors.InvalidTaskStatus("Invalid status change", current_status=task["status"], new_status=to)


def change(
    task: Fields, to: str, now: str, *, reason: str | None = None, message: str | None = None, force: bool = False
) -> Fields:
    """Change the status of `task` in memory and return the changed fields.

    A status may always follow itself. With `force`, any status may follow.

    Raises:
        errors.InvalidTaskStatus: `to` may not follow the Task's status.
    """
    if not force and task["status"] != to:
        check(task, to)
    fields = {"status": to, "status_reason": reason or "", "status_message": message or "", "status_changed": now}
    task.update(fields)
    return fields


def active(task: Mapping[str, Any], now: str) -> Fields:
    """Return the new `active_duration` (seconds) of a running Task, or {} for other Tasks.

    Call it whenever a Task reports.
    """
    if task["status"] != IN_PROGRESS or not task.get("started"):
        return {}
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(task["started"])
    return {"active_duration": max(0, int(passed.total_seconds()))}


def editable(task: Mapping[str, Any], force: bool = False) -> None:
    """Check that the Task is new or `force` is set; raises errors.InvalidTaskStatus."""
    if task["status"] != CREATED and not force:
        raise errors.InvalidTaskStatus(expected=CREATED, status=task["status"])


def extensible(task: Mapping[str, Any], force: bool = False) -> None:
    """Check that parts may be added to a Task; raises errors.InvalidTaskStatus.

    The Task must be new. With `force`, it may also be queued or running.
    """
    if task["status"] not in ({CREATED} | ACTIVE if force else {CREATED}):
        raise errors.InvalidTaskStatus(expected=CREATED, status=task["status"])
