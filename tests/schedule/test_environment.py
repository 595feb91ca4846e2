from datetime import timedelta

import pytest

from clearml_flows.errors import BadInput
from clearml_flows.schedule.environment import adopt
from clearml_flows.settings import load
from tests.schedule.conftest import START, Scheduler

HOURLY = {"PIPELINE_SCHEDULE_TYPE": "interval", "PIPELINE_INTERVAL_SECONDS": "3600"}


@pytest.mark.parametrize(
    ("variables", "when", "max_runs"),
    [
        ({**HOURLY, "PIPELINE_MAX_RUNS": "3"}, "every 3600 s", 3),
        ({"PIPELINE_SCHEDULE_TYPE": "daily", "PIPELINE_SCHEDULE_TIME": "02:30"}, "daily 02:30", None),
        (
            {"PIPELINE_SCHEDULE_TYPE": "cron", "PIPELINE_SCHEDULE_TIME": "30 2 * * mon-fri", "PIPELINE_MAX_RUNS": ""},
            "30 2 * * mon-fri",
            None,
        ),
    ],
)
def test_variables_make_a_schedule(
    scheduler: Scheduler, variables: dict[str, str], when: str, max_runs: int | None
) -> None:
    made = adopt(scheduler.store, load(), variables, START)
    assert made
    assert (made.name, made.when, made.max_runs, made.state) == ("environment", when, max_runs, "active")
    assert adopt(scheduler.store, load(), variables, START + timedelta(hours=1)) == made


def test_what_changes_is_a_new_schedule_and_what_is_gone_is_removed(scheduler: Scheduler) -> None:
    made = adopt(scheduler.store, load(), HOURLY, START)
    changed = adopt(scheduler.store, load(), {**HOURLY, "PIPELINE_INTERVAL_SECONDS": "60"}, START)
    assert made
    assert changed
    assert made.id != changed.id
    assert [schedule.id for schedule in scheduler.store.schedules()] == [changed.id]
    assert adopt(scheduler.store, load(), {}, START) is None
    assert scheduler.store.schedules() == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PIPELINE_INTERVAL_SECONDS": "60"}, "PIPELINE_INTERVAL_SECONDS is set, but not PIPELINE_SCHEDULE_TYPE"),
        ({"PIPELINE_SCHEDULE_TYPE": "weekly"}, "PIPELINE_SCHEDULE_TYPE: the kind of schedule is 'weekly'"),
        (
            {"PIPELINE_SCHEDULE_TYPE": "interval"},
            "PIPELINE_SCHEDULE_TYPE is interval, but PIPELINE_INTERVAL_SECONDS is not set",
        ),
        ({**HOURLY, "PIPELINE_INTERVAL_SECONDS": "0"}, "PIPELINE_INTERVAL_SECONDS: the interval is '0'"),
        (
            {"PIPELINE_SCHEDULE_TYPE": "daily", "PIPELINE_SCHEDULE_TIME": "25:00"},
            "PIPELINE_SCHEDULE_TIME: the time of day is '25:00'",
        ),
        (
            {"PIPELINE_SCHEDULE_TYPE": "cron", "PIPELINE_SCHEDULE_TIME": "60 * * * *"},
            "PIPELINE_SCHEDULE_TIME: the minute",
        ),
        ({**HOURLY, "PIPELINE_MAX_RUNS": "0"}, "PIPELINE_MAX_RUNS is '0'"),
        ({**HOURLY, "PIPELINE_MAX_RUNS": "many"}, "PIPELINE_MAX_RUNS is 'many'"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_variable(
    scheduler: Scheduler, variables: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        adopt(scheduler.store, load(), variables, START)
