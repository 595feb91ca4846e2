"""What happens to a run that is due while the one before it is under way."""

from datetime import timedelta

import pytest

from clearml_flows.schedule.records import Schedule
from tests.schedule.conftest import HOUR, MINUTE, SECOND, Scheduler, begin


def under_way(scheduler: Scheduler, overlap: str) -> Schedule:
    """A schedule whose run of 09:00 has its Task and process; the time is 10:00."""
    hourly = scheduler.add(overlap=overlap)
    assert scheduler.tick(HOUR) == ["09:00"]
    begin(scheduler, scheduler.store.open_runs()[0])
    scheduler.now += HOUR
    return hourly


def test_forbid_skips_what_is_due_meanwhile(scheduler: Scheduler) -> None:
    hourly = under_way(scheduler, "forbid")
    assert scheduler.tick() == []
    assert scheduler.states(hourly)[1] == ("10:00", "skipped", 1)
    assert "is in_progress" in scheduler.store.runs(hourly, 1)[0].why
    assert scheduler.kinds() == ["skipped"]
    scheduler.ends()
    assert scheduler.tick(HOUR) == ["11:00"]


def test_queue_lets_it_wait_for_its_turn_up_to_a_bound(scheduler: Scheduler) -> None:
    hourly = under_way(scheduler, "queue")
    assert [scheduler.tick(), scheduler.tick(HOUR), scheduler.tick(HOUR), scheduler.tick(HOUR)] == [[], [], [], []]
    states = [state for _time, state, _count in scheduler.states(hourly)]
    assert states == ["begun", "waiting", "waiting", "waiting", "skipped"]
    order = []
    for _ in range(4):
        scheduler.ends()
        order += scheduler.tick(SECOND)
    assert order == ["10:00", "11:00", "12:00"]


def test_allow_starts_it_and_asks_nobody(scheduler: Scheduler) -> None:
    under_way(scheduler, "allow")
    scheduler.world.away = True
    assert scheduler.tick() == ["10:00"]


def test_replace_stops_the_one_before_and_waits_for_its_end(scheduler: Scheduler) -> None:
    hourly = under_way(scheduler, "replace")
    assert scheduler.tick() == []
    assert scheduler.world.stopped == ["process 1"]
    scheduler.tick(HOUR)
    assert scheduler.states(hourly)[1:] == [("10:00", "skipped", 1), ("11:00", "waiting", 1)]
    scheduler.ends("failed")
    assert scheduler.tick(SECOND) == ["11:00"]


def test_replace_stops_a_run_whose_processes_are_elsewhere(scheduler: Scheduler) -> None:
    under_way(scheduler, "replace")
    scheduler.world.processes.clear()
    key = scheduler.world.launched[0]
    scheduler.tick()
    assert scheduler.world.stopped == [f"task-of-{key}"]


def test_what_the_store_does_not_know_of_counts_too(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    scheduler.world.task(f"{hourly.id}@2026-11-23T07:00:00Z")
    scheduler.tick(HOUR)
    assert scheduler.states(hourly) == [("09:00", "skipped", 1)]


@pytest.mark.parametrize("status", ["created", "queued", "in_progress"])
def test_an_orphan_does_not_block_its_schedule_for_ever(scheduler: Scheduler, status: str) -> None:
    hourly = scheduler.add()
    scheduler.world.task(f"{hourly.id}@2026-11-23T07:00:00Z", status, timedelta(minutes=9))
    assert scheduler.tick(HOUR) == []
    scheduler.world.task(f"{hourly.id}@2026-11-23T07:00:00Z", status, timedelta(minutes=10))
    assert scheduler.tick(HOUR) == ["10:00"]


def test_the_run_of_another_schedule_is_in_nobodys_way(scheduler: Scheduler) -> None:
    scheduler.add()
    scheduler.world.task("0123456789ab@2026-11-23T07:00:00Z")
    assert scheduler.tick(HOUR) == ["09:00"]


def test_while_the_backend_is_away_it_waits_and_then_runs(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    scheduler.world.away = True
    assert scheduler.tick(HOUR) + scheduler.tick(10 * SECOND) + scheduler.tick(10 * SECOND) == []
    assert scheduler.states(hourly) == []
    assert scheduler.kinds() == ["delayed"]
    assert "no ClearML backend answers" in scheduler.said[0]
    scheduler.world.away = False
    assert scheduler.tick(SECOND) == []
    assert scheduler.tick(10 * SECOND) == ["09:00"]


def test_what_waits_waits_on_while_its_schedule_is_paused(scheduler: Scheduler) -> None:
    hourly = under_way(scheduler, "queue")
    scheduler.tick()
    scheduler.store.set_state(hourly, "paused", scheduler.now)
    scheduler.ends()
    assert scheduler.tick(MINUTE) == []
    scheduler.store.set_state(hourly, "active", scheduler.now)
    assert scheduler.tick(MINUTE) == ["10:00"]


def test_a_removed_schedule_starts_nothing_not_even_what_waited(scheduler: Scheduler) -> None:
    hourly = under_way(scheduler, "queue")
    scheduler.tick()
    scheduler.store.set_state(hourly, "removed", scheduler.now)
    scheduler.ends()
    assert scheduler.tick(HOUR) == []
    assert scheduler.states(hourly)[-1][1] == "skipped"
    assert scheduler.add().id != hourly.id


def test_what_may_overlap_is_made_up_for_at_once(scheduler: Scheduler) -> None:
    scheduler.add(catch_up="all", overlap="allow")
    scheduler.world.away = True
    assert scheduler.tick(3 * HOUR) == ["09:00", "10:00", "11:00"]
