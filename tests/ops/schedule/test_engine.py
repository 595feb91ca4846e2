from datetime import UTC, datetime, timedelta

import pytest

from ops.schedule.engine import APPEARS_WITHIN, AT_ONCE, ATTEMPTS
from ops.schedule.policy import jitter
from ops.schedule.records import Run, Schedule
from tests.ops.schedule.conftest import START, Scheduler

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def test_a_run_is_started_at_its_time_once(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    assert scheduler.tick() == []
    assert scheduler.tick(HOUR - SECOND) == []
    assert scheduler.tick(SECOND) == ["09:00"]
    assert scheduler.tick() == scheduler.tick(SECOND) == []
    scheduler.ends()
    assert scheduler.tick(HOUR) == ["10:00"]
    assert scheduler.states(hourly) == [("09:00", "done", 1), ("10:00", "launched", 1)]
    assert scheduler.kinds() == []


def test_a_key_is_the_schedule_and_the_utc_time(scheduler: Scheduler) -> None:
    daily = scheduler.add(kind="daily", timing="10:00", zone="Europe/Berlin")
    scheduler.tick(HOUR)
    assert scheduler.world.launched == [f"{daily.id}@2026-11-23T09:00:00Z"]


@pytest.mark.parametrize(
    ("catch_up", "launched", "states"),
    [
        ("none", [], [("09:00", "missed", 400)]),
        ("latest", ["09:00"], [("08:59", "missed", 399), ("09:00", "launched", 1)]),
        (
            "all",
            ["08:58"],
            [("08:57", "missed", 397), ("08:58", "launched", 1), ("08:59", "waiting", 1), ("09:00", "waiting", 1)],
        ),
    ],
)
def test_400_missed_minutes_are_one_warning(
    scheduler: Scheduler, catch_up: str, launched: list[str], states: list[tuple[str, str, int]]
) -> None:
    scheduler.now = START + HOUR - 400 * MINUTE
    minutely = scheduler.add(kind="cron", timing="* * * * *", catch_up=catch_up, grace=0)
    assert scheduler.tick(400 * MINUTE + SECOND) + scheduler.tick() == launched
    assert scheduler.states(minutely) == states
    assert scheduler.kinds() == ["missed"]
    assert len([line for line in scheduler.said if "missed" in line]) == 1
    assert f"{states[0][2]} runs from 2026-11-23T02:21:00Z on were missed" in " ".join(scheduler.said)


def test_all_that_is_made_up_for_runs_one_after_the_other(scheduler: Scheduler) -> None:
    scheduler.add(catch_up="all")
    assert scheduler.tick(3 * HOUR + MINUTE) == []
    order = []
    for _ in range(4):
        order += scheduler.tick(SECOND)
        scheduler.ends()
    assert order == ["09:00", "10:00", "11:00"]


@pytest.mark.parametrize(("late", "launched"), [(300, ["09:00"]), (301, [])])
def test_within_the_grace_a_late_run_is_in_time(scheduler: Scheduler, late: int, launched: list[str]) -> None:
    hourly = scheduler.add(catch_up="none")
    assert scheduler.tick(HOUR + late * SECOND) == launched
    assert scheduler.states(hourly)[0][1] == ("launched" if launched else "missed")
    assert scheduler.kinds() == ([] if launched else ["missed"])


def test_the_last_run_is_made_up_for_after_weeks(scheduler: Scheduler) -> None:
    daily = scheduler.add(kind="daily", timing="02:30")
    assert scheduler.tick(timedelta(days=21)) == ["02:30"]
    assert scheduler.store.runs(daily, 1)[0].why == "made up for, 5:30:00 late"
    assert scheduler.states(daily)[0][1:] == ("missed", 20)


def begin(scheduler: Scheduler, run: Run) -> None:
    assert scheduler.store.move(run, ("claimed", "launched"), "begun", pid=run.pid, began=scheduler.now)
    scheduler.world.task(run.key)


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


def test_one_failing_launch_stops_no_other(scheduler: Scheduler) -> None:
    first, second, third = (scheduler.add(name) for name in ("a", "b", "c"))
    scheduler.world.broken = {first.id, third.id}
    assert scheduler.tick(HOUR) == ["09:00"]
    assert [scheduler.states(schedule)[0][1] for schedule in (first, second, third)] == ["failed", "launched", "failed"]
    assert scheduler.store.runs(first, 1)[0].why == "it could not be started: no more processes"
    assert [(notice["schedule"], notice["kind"]) for notice in scheduler.store.notices()] == [
        ("a", "failed"),
        ("c", "failed"),
    ]


def test_a_schedule_whose_zone_is_gone_is_paused_and_stops_no_other(scheduler: Scheduler) -> None:
    scheduler.add("a", kind="daily", timing="09:00", zone="Mars/Olympus")
    scheduler.add("b")
    assert scheduler.tick(HOUR) == ["09:00"]
    assert scheduler.store.schedule("a").state == "paused"
    assert "the timezone is 'Mars/Olympus'" in scheduler.store.notices()[0]["sentence"]


@pytest.mark.parametrize("restarts", [False, True])
def test_max_runs_counts_across_restarts(scheduler: Scheduler, restarts: bool) -> None:
    scheduler.add(max_runs=3)
    started = []
    for _ in range(6):
        started += scheduler.tick(HOUR)
        scheduler.ends()
        if restarts:
            scheduler.restart()
    assert started == ["09:00", "10:00", "11:00"]
    assert scheduler.store.schedule("hourly").state == "finished"


def test_what_is_skipped_or_missed_is_no_run_of_max_runs(scheduler: Scheduler) -> None:
    hourly = scheduler.add(max_runs=1)
    scheduler.world.task(f"{hourly.id}@2026-11-23T07:00:00Z")
    assert scheduler.tick(HOUR) == []
    scheduler.world.tasks.clear()
    assert scheduler.tick(HOUR) == ["10:00"]


def test_the_clock_jumping_back_repeats_nothing(scheduler: Scheduler) -> None:
    scheduler.add()
    for _ in range(3):
        scheduler.tick(HOUR)
        scheduler.ends()
    assert scheduler.tick(-2 * HOUR) == []
    assert "the clock was set back" in scheduler.said[-1]
    again = []
    for _ in range(3):
        again += scheduler.tick(HOUR)
        scheduler.ends()
    assert again == ["12:00"]
    assert len(set(scheduler.world.launched)) == len(scheduler.world.launched) == 4


def test_a_clock_that_was_years_ahead_silences_nothing(scheduler: Scheduler) -> None:
    scheduler.add()
    scheduler.tick(timedelta(days=2000))
    scheduler.ends()
    scheduler.now = START + MINUTE
    assert scheduler.tick() == []
    assert scheduler.tick(HOUR) == ["09:00"]


def test_jitter_delays_the_start_not_the_key(scheduler: Scheduler) -> None:
    hourly = scheduler.add(jitter=600)
    delays = [jitter(hourly, START + number * HOUR) for number in range(1, 101)]
    assert all(timedelta() <= delay <= timedelta(minutes=10) for delay in delays)
    assert len(set(delays)) > 50
    scheduler.tick()
    for number, delay in enumerate(delays[:5], start=1):
        scheduler.now = START + number * HOUR + delay - SECOND
        assert scheduler.tick() == []
        assert scheduler.tick(SECOND) == [f"{8 + number:02}:00"]
        scheduler.ends()
    assert scheduler.kinds() == []


def test_pause_and_resume(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    scheduler.store.set_state(hourly, "paused", scheduler.now)
    assert scheduler.tick(5 * HOUR + MINUTE) == []
    scheduler.store.set_state(hourly, "active", scheduler.now)
    assert scheduler.tick() == []
    assert scheduler.tick(HOUR) == ["14:00"]
    assert scheduler.kinds() == []


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


def test_a_run_by_hand(scheduler: Scheduler) -> None:
    hourly = scheduler.add(max_runs=1)
    run = scheduler.engine.run_now(hourly, scheduler.now + MINUTE)
    assert run
    assert (run.state, run.why) == ("launched", "by hand")
    assert scheduler.engine.run_now(hourly, scheduler.now + 2 * MINUTE) is None


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


def test_what_changes_between_look_and_claim_counts(scheduler: Scheduler) -> None:
    hourly = scheduler.add()
    scheduler.now += HOUR
    monday = scheduler.store.due(scheduler.now, 10)
    scheduler.store.set_state(hourly, "paused", scheduler.now)
    assert scheduler.store.plan(monday[0], [], (scheduler.now, scheduler.now), scheduler.now) == []
    assert scheduler.tick() == []


def test_no_more_than_a_bound_at_once_and_the_others_soon(scheduler: Scheduler) -> None:
    for number in range(AT_ONCE + 5):
        scheduler.add(f"s{number}")
    scheduler.tick()
    scheduler.tick()
    assert [len(scheduler.tick(HOUR)), len(scheduler.tick(SECOND)), len(scheduler.tick(SECOND))] == [AT_ONCE, 5, 0]


def test_times_are_utc_whatever_clock_is_given(scheduler: Scheduler) -> None:
    scheduler.add(kind="cron", timing="30 2 * * *", zone="Europe/Berlin")
    scheduler.now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert scheduler.tick() == ["01:30"]


def test_what_may_overlap_is_made_up_for_at_once(scheduler: Scheduler) -> None:
    scheduler.add(catch_up="all", overlap="allow")
    scheduler.world.away = True
    assert scheduler.tick(3 * HOUR) == ["09:00", "10:00", "11:00"]


def test_a_tick_without_anything_due_costs_the_same_for_ten_and_a_thousand(scheduler: Scheduler) -> None:
    def asked() -> int:
        statements: list[str] = []
        connection = scheduler.store._database._connection
        connection.set_trace_callback(statements.append)
        scheduler.tick(SECOND)
        connection.set_trace_callback(None)
        return len(statements)

    def add(numbers: range) -> None:
        with scheduler.store.together():
            for number in numbers:
                made = scheduler.add(f"s{number}")
                scheduler.store.plan(made, [], (scheduler.now, START + 100 * HOUR), scheduler.now)

    add(range(10))
    ten = asked()
    add(range(10, 1000))
    assert asked() == ten == 3
