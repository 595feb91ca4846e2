"""The status of a Task: which one may follow which, and the only function that changes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localserver import errors

Fields = dict[str, Any]

CREATED, QUEUED, IN_PROGRESS, STOPPED = "created", "queued", "in_progress", "stopped"
COMPLETED, FAILED, CLOSED, PUBLISHED = "completed", "failed", "closed", "published"
PUBLISHING, UNKNOWN = "publishing", "unknown"
# The statuses that may follow each one without force.
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
    """The status of a new Task."""
    return {"status": CREATED}


def check(task: Mapping[str, Any], to: str) -> None:
    """Raises errors.InvalidTaskStatus unless `to` may follow the Task's status."""
    if to not in FOLLOWING[task["status"]]:
        raise errors.InvalidTaskStatus("Invalid status change", current_status=task["status"], new_status=to)


def change(
    task: Fields, to: str, now: str, *, reason: str | None = None, message: str | None = None, force: bool = False
) -> Fields:
    """Change the status of `task`, and return the fields that changed; raises errors.InvalidTaskStatus.

    A status may always follow itself, and any other one with force.
    """
    if not force and task["status"] != to:
        check(task, to)
    fields = {"status": to, "status_reason": reason or "", "status_message": message or "", "status_changed": now}
    task.update(fields)
    return fields


def active(task: Mapping[str, Any], now: str) -> Fields:
    """The field `active_duration` of a Task that runs: each sign of life of a Task sets it. Empty for other Tasks."""
    if task["status"] != IN_PROGRESS or not task.get("started"):
        return {}
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(task["started"])
    return {"active_duration": max(0, int(passed.total_seconds()))}


def editable(task: Mapping[str, Any], force: bool = False) -> None:
    """Raises errors.InvalidTaskStatus unless the Task is new, or the edit is forced."""
    if task["status"] != CREATED and not force:
        raise errors.InvalidTaskStatus(expected=CREATED, status=task["status"])


def extensible(task: Mapping[str, Any], force: bool = False) -> None:
    """Raises errors.InvalidTaskStatus unless parts may be added: the Task is new or, with force, waits or runs."""
    if task["status"] not in ({CREATED} | ACTIVE if force else {CREATED}):
        raise errors.InvalidTaskStatus(expected=CREATED, status=task["status"])
