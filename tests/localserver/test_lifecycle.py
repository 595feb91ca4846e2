from typing import Any

import pytest

from localserver import errors, lifecycle

NOW = "2026-01-01T00:01:00.000000+00:00"


def task(status: str) -> dict[str, Any]:
    return {**lifecycle.born(), "status": status, "started": "2026-01-01T00:00:00.000000+00:00"}


@pytest.mark.parametrize("action", lifecycle.ACTIONS)
@pytest.mark.parametrize("status", sorted(lifecycle.STATUSES))
@pytest.mark.parametrize("force", [False, True])
def test_the_table_is_kept(action: str, status: str, force: bool) -> None:
    document = task(status)
    change = lifecycle.ACTIONS[action]
    if status in change.origins or (force and status != lifecycle.PUBLISHED):
        fields = lifecycle.apply(document, action, NOW, force=force)
        assert document["status"] == fields["status"] == change.to
        assert fields["status_changed"] == NOW
    else:
        with pytest.raises(errors.InvalidTaskStatus, match=f"current_status={status}, new_status={change.to}"):
            lifecycle.apply(document, action, NOW, force=force)
        assert document == task(status)


def test_published_is_final() -> None:
    assert all(lifecycle.PUBLISHED not in change.origins for change in lifecycle.ACTIONS.values())


def test_reasons_are_kept_and_times_noted() -> None:
    fields = lifecycle.apply(task("in_progress"), "failed", NOW, reason="why", message="what")
    assert fields == {
        "status": "failed",
        "status_reason": "why",
        "status_message": "what",
        "status_changed": NOW,
        "completed": NOW,
        "active_duration": 60,
    }


def test_starting_what_runs_does_not_start_it_anew() -> None:
    document = task("in_progress")
    assert "started" not in lifecycle.apply(document, "started", NOW)
    assert document["started"] < NOW


def test_an_agent_names_the_state_after_the_queue() -> None:
    assert lifecycle.apply(task("queued"), "dequeue", NOW, to="in_progress")["status"] == "in_progress"
    with pytest.raises(errors.InvalidFields):
        lifecycle.apply(task("queued"), "dequeue", NOW, to="running")


@pytest.mark.parametrize(
    ("status", "edit", "forced_edit", "forced_artifact"),
    [
        ("created", True, True, True),
        ("in_progress", False, True, True),
        ("completed", False, True, False),
        ("published", False, False, False),
    ],
)
def test_what_may_be_edited_when(status: str, edit: bool, forced_edit: bool, forced_artifact: bool) -> None:
    def allowed(check: Any, force: bool) -> bool:
        try:
            check(task(status), force)
        except errors.InvalidTaskStatus:
            return False
        return True

    assert allowed(lifecycle.editable, False) == edit
    assert allowed(lifecycle.running, False) == edit
    assert allowed(lifecycle.editable, True) == forced_edit
    assert allowed(lifecycle.running, True) == forced_artifact
