"""What a scheduler makes of what the one before it, or a run's process, left behind."""

from datetime import timedelta

import pytest

from ops.schedule.engine import APPEARS_WITHIN, ATTEMPTS
from ops.schedule.records import Run, Schedule
from tests.ops.schedule.conftest import HOUR, SECOND, Scheduler, begin


class KilledError(Exception):
    """Stands for SIGKILL: what comes after it does not happen. Real ones are in test_start.py."""


def test_claimed_and_never_launched_is_launched_by_the_next(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = scheduler.add()

    def killed(_run: Run) -> tuple[int, float]:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(scheduler.world, "launch", killed)
        with pytest.raises(KilledError):
            scheduler.tick(HOUR)
    assert scheduler.states(hourly) == [("09:00", "claimed", 1)]
    scheduler.restart()
    assert scheduler.tick(SECOND) == ["09:00"]
    assert scheduler.tick(SECOND) == []


def test_a_process_that_died_before_it_began_is_tried_again_a_few_times(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    launched = scheduler.tick(HOUR)
    for _ in range(10):
        scheduler.world.processes.clear()
        launched += scheduler.tick(SECOND)
    assert launched == ["09:00"] * ATTEMPTS
    assert scheduler.states(hourly) == [("09:00", "failed", 1)]
    assert scheduler.kinds() == ["failed"]


def begun_and_gone(scheduler: Scheduler) -> tuple[Schedule, str]:
    """A run of 09:00 whose process began and was killed; the key."""
    hourly = scheduler.add()
    scheduler.tick(HOUR)
    begin(scheduler, scheduler.store.open_runs()[0])
    scheduler.world.processes.clear()
    return hourly, scheduler.world.launched[0]


@pytest.mark.parametrize(
    ("status", "state"), [("completed", "done"), ("published", "done"), ("failed", "failed"), ("stopped", "failed")]
)
def test_the_end_of_a_run_whose_process_was_killed_is_told_by_the_backend(
    scheduler: Scheduler, status: str, state: str
) -> None:
    hourly, key = begun_and_gone(scheduler)
    assert scheduler.tick(SECOND) == []
    assert scheduler.states(hourly) == [("09:00", "begun", 1)]
    scheduler.world.task(key, status)
    assert scheduler.tick(SECOND) == []
    assert scheduler.states(hourly) == [("09:00", state, 1)]
    assert scheduler.store.runs(hourly, 1)[0].task == f"task-of-{key}"
    assert scheduler.kinds() == (["failed"] if state == "failed" else [])


def test_a_run_that_is_silent_without_a_process_is_given_up(scheduler: Scheduler) -> None:
    hourly, key = begun_and_gone(scheduler)
    scheduler.world.task(key, "in_progress", timedelta(minutes=10))
    scheduler.tick(SECOND)
    assert scheduler.states(hourly) == [("09:00", "failed", 1)]
    assert "silent for 0:10:00" in scheduler.store.runs(hourly, 1)[0].why


def test_a_run_without_a_task_is_started_again_when_none_can_come_any_more(scheduler: Scheduler) -> None:
    _hourly, _key = begun_and_gone(scheduler)
    scheduler.world.tasks.clear()
    assert scheduler.tick(APPEARS_WITHIN) == []
    scheduler.world.away = True
    assert scheduler.tick(SECOND) == []
    scheduler.world.away = False
    assert scheduler.tick(SECOND) == ["09:00"]
