"""What is due is started, once, whatever happened in between."""

from datetime import UTC, datetime, timedelta

import pytest

from clearml_flows.database import Database
from clearml_flows.schedule import store as store_module
from clearml_flows.schedule.engine import AT_ONCE
from clearml_flows.schedule.policy import jitter
from tests.schedule.conftest import HOUR, MINUTE, SECOND, START, Scheduler


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


def test_a_run_by_hand(scheduler: Scheduler) -> None:
    hourly = scheduler.add(max_runs=1)
    run = scheduler.engine.run_now(hourly, scheduler.now + MINUTE)
    assert run
    assert (run.state, run.why) == ("launched", "by hand")
    assert scheduler.engine.run_now(hourly, scheduler.now + 2 * MINUTE) is None


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


def test_a_tick_without_anything_due_costs_the_same_for_ten_and_a_thousand(scheduler: Scheduler) -> None:
    def asked() -> int:
        statements: list[str] = []
        database = scheduler.store._database
        assert isinstance(database, Database)
        connection = database._connection
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


def test_a_clock_set_back_repeats_nothing_of_what_was_forgotten(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "KEPT_RUNS", 5)
    scheduler.restart()
    scheduler.add(timing="60")
    for _ in range(20):
        scheduler.tick(MINUTE)
        scheduler.ends()
    assert scheduler.tick(-15 * MINUTE) == scheduler.tick() == []
    assert len([line for line in scheduler.said if "the clock was set back" in line]) == 1
    for _ in range(17):
        scheduler.tick(MINUTE)
        scheduler.ends()
    assert len(set(scheduler.world.launched)) == len(scheduler.world.launched) == 22
