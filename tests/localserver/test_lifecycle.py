from typing import Any

import pytest

from clearml_flows.localserver import errors, lifecycle

NOW = "2026-01-01T00:01:00.000000+00:00"


def task(status: str) -> dict[str, Any]:
    return {**lifecycle.born(), "status": status, "started": "2026-01-01T00:00:00.000000+00:00"}


def test_a_refused_change_changes_nothing() -> None:
    document = task("completed")
    with pytest.raises(errors.InvalidTaskStatus, match="current_status=completed, new_status=stopped"):
        lifecycle.change(document, "stopped", NOW)
    assert document == task("completed")
    assert lifecycle.change(document, "stopped", NOW, force=True)["status"] == document["status"] == "stopped"


def test_every_status_may_follow_itself() -> None:
    for status in lifecycle.STATUSES:
        assert lifecycle.change(task(status), status, NOW) == {
            "status": status,
            "status_reason": "",
            "status_message": "",
            "status_changed": NOW,
        }


def test_reasons_are_kept() -> None:
    fields = lifecycle.change(task("in_progress"), "failed", NOW, reason="why", message="what")
    assert (fields["status_reason"], fields["status_message"]) == ("why", "what")


def test_a_task_is_active_from_its_start_to_its_last_sign_of_life() -> None:
    assert lifecycle.active(task("in_progress"), NOW) == {"active_duration": 60}
    assert lifecycle.active(task("completed"), NOW) == lifecycle.active({"status": "in_progress"}, NOW) == {}


@pytest.mark.parametrize(
    ("status", "free", "forced_edit", "forced_part"),
    [
        ("created", True, True, True),
        ("queued", False, True, True),
        ("in_progress", False, True, True),
        ("completed", False, True, False),
        ("published", False, True, False),
    ],
)
def test_which_tasks_may_be_edited(status: str, free: bool, forced_edit: bool, forced_part: bool) -> None:
    def allowed(check: Any, force: bool) -> bool:
        try:
            check(task(status), force)
        except errors.InvalidTaskStatus:
            return False
        return True

    assert allowed(lifecycle.editable, False) == allowed(lifecycle.extensible, False) == free
    assert allowed(lifecycle.editable, True) == forced_edit
    assert allowed(lifecycle.extensible, True) == forced_part
