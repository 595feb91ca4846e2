"""What a scheduler makes of what the one before it, or a run's process, left behind."""

from datetime import timedelta

import pytest

from clearml_flows.schedule.engine import APPEARS_WITHIN, ATTEMPTS
from clearml_flows.schedule.records import Run, Schedule
from tests.schedule.conftest import HOUR, MINUTE, SECOND, Scheduler, begin


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


def test_a_draft_that_nobody_enqueues_any_more_is_deleted_and_its_run_started_again(scheduler: Scheduler) -> None:
    _hourly, key = begun_and_gone(scheduler)
    scheduler.world.task(key, "created", APPEARS_WITHIN)
    assert scheduler.tick(APPEARS_WITHIN) == []
    scheduler.world.task(key, "created", APPEARS_WITHIN + SECOND)
    assert scheduler.tick(SECOND) == ["09:00"]
    assert scheduler.world.stopped == [f"draft task-of-{key}"]


def test_a_run_in_a_queue_waits_for_an_agent_for_a_day(scheduler: Scheduler) -> None:
    hourly, key = begun_and_gone(scheduler)
    scheduler.world.task(key, "queued", timedelta(hours=23))
    assert scheduler.tick(HOUR) == []
    assert scheduler.states(hourly) == [("09:00", "begun", 1), ("10:00", "skipped", 1)]
    scheduler.world.task(key, "queued", timedelta(hours=24))
    scheduler.tick(SECOND)
    assert scheduler.states(hourly)[0] == ("09:00", "failed", 1)
    assert scheduler.world.stopped == [f"task-of-{key}"]


def test_what_another_machine_may_have_just_begun_is_not_overlapped(scheduler: Scheduler) -> None:
    hourly = scheduler.add(timing="60")
    assert scheduler.tick(MINUTE) == ["08:01"]
    run = scheduler.store.open_runs()[0]
    assert scheduler.store.move(run, ("launched",), "begun", pid=run.pid, began=scheduler.now)
    scheduler.world.processes.clear()
    assert scheduler.tick(MINUTE) == []
    assert scheduler.states(hourly)[1:] == [("08:02", "skipped", 1)]
    assert scheduler.tick(MINUTE + SECOND) == ["08:01"]
