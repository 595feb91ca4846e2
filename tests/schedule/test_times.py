from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearml_flows.errors import BadInput
from clearml_flows.schedule.times import Interval, Timing, daily, interval, passed, timing, zone

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]


def cron(expression: str, zone_name: str = "UTC") -> Timing:
    return timing("cron", expression, zone_name, ANCHOR)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone_name: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone_name)).astimezone(UTC)


def first_ones(timing: Timing, start: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        start = timing.after(start)
        found.append(start.strftime("%Y-%m-%dT%H:%MZ"))
    return found


@pytest.mark.parametrize(
    ("zone_name", "expression", "start", "due"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T03:00",
            ["2026-03-29T01:00Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T03:00",
            ["2026-10-25T00:30Z", "2026-10-26T01:30Z", "2026-10-27T01:30Z"],
        ),
        (
            "Europe/Berlin",
            "30 * * * *",
            "2026-10-25T01:00",
            ["2026-10-24T23:30Z", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"],
        ),
        (
            "Europe/Berlin",
            "30 * * * *",
            "2026-03-29T01:00",
            ["2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z"],
        ),
        (
            "Europe/Berlin",
            "*/20 * * * *",
            "2026-10-25T02:30",
            [f"2026-10-25T{time}Z" for time in ("00:40", "01:00", "01:20", "01:40", "02:00")],
        ),
        ("America/New_York", "30 2 * * *", "2026-03-08T00:00", ["2026-03-08T07:00Z", "2026-03-09T06:30Z"]),
        ("America/New_York", "30 1 * * *", "2026-11-01T00:00", ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]),
        ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00", ["2026-04-23T22:00Z", "2026-04-24T21:00Z"]),
        # Half an hour is left out and repeated here.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ["2026-10-03T15:30Z", "2026-10-04T15:15Z"]),
        # All of these fall into the gap: one run.
        ("Europe/Berlin", "*/15 2 * * *", "2026-03-29T00:00", ["2026-03-29T01:00Z", "2026-03-30T00:00Z"]),
    ],
)
def test_where_clocks_change(zone_name: str, expression: str, start: str, due: list[str]) -> None:
    assert first_ones(cron(expression, zone_name), local(start, zone_name), len(due)) == due


@pytest.mark.parametrize(
    ("expression", "start", "due"),
    [
        ("0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]),
        (
            "0 0 31 * *",
            "2026-01-31T00:00",
            ["2026-03-31T00:00Z", "2026-05-31T00:00Z", "2026-07-31T00:00Z", "2026-08-31T00:00Z"],
        ),
        # Friday, or the 13th: a day that fits one of them.
        ("0 0 13 * fri", "2026-11-07T00:00", ["2026-11-13T00:00Z", "2026-11-20T00:00Z", "2026-11-27T00:00Z"]),
        ("0 0 13 * 1", "2026-11-07T00:00", ["2026-11-09T00:00Z", "2026-11-13T00:00Z", "2026-11-16T00:00Z"]),
        ("0 0 1-31 * mon", "2026-11-07T00:00", ["2026-11-08T00:00Z", "2026-11-09T00:00Z"]),
        ("0 0 */1 * mon", "2026-11-07T00:00", ["2026-11-09T00:00Z", "2026-11-16T00:00Z"]),
        ("0 0 * * 0", "2026-11-07T00:00", ["2026-11-08T00:00Z", "2026-11-15T00:00Z"]),
        ("0 0 * * 7", "2026-11-07T00:00", ["2026-11-08T00:00Z", "2026-11-15T00:00Z"]),
        ("0 0 * * SUN", "2026-11-07T00:00", ["2026-11-08T00:00Z", "2026-11-15T00:00Z"]),
        ("0 0 * * fri-sun", "2026-11-04T00:00", ["2026-11-06T00:00Z", "2026-11-07T00:00Z", "2026-11-08T00:00Z"]),
        ("0 0 1 jan,Jul *", "2026-11-07T00:00", ["2027-01-01T00:00Z", "2027-07-01T00:00Z"]),
        ("10-30/10 8 * * mon-fri", "2026-11-06T08:15", ["2026-11-06T08:20Z", "2026-11-06T08:30Z", "2026-11-09T08:10Z"]),
        ("0 0 30 2 mon", "2026-01-30T00:00", ["2026-02-02T00:00Z"]),
        ("\t0  0\t* * *", "2026-11-07T00:00", ["2026-11-08T00:00Z"]),
    ],
)
def test_which_days(expression: str, start: str, due: list[str]) -> None:
    assert first_ones(cron(expression), utc(start), len(due)) == due


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("", "has 0 fields"),
        ("0 0 * *", "has 4 fields"),
        ("0 0 * * * *", "has 6 fields"),
        ("0 0 * * * * 2026", "has 7 fields"),
        ("60 * * * *", "minute.*'60'"),
        ("* 24 * * *", "hour.*'24'"),
        ("0 0 0 * *", "day of month.*'0'"),
        ("0 0 32 * *", "day of month.*'32'"),
        ("0 0 * 13 *", "month.*'13'"),
        ("0 0 * * 8", "day of week.*'8'"),
        ("0 0 30 2 *", "day of month.*'30'.*no month 2"),
        ("0 0 31 apr,jun *", "day of month.*'31'"),
        ("5-1 * * * *", "minute.*'5-1'.*backwards"),
        ("0 0 * * sat-mon", "day of week.*'sat-mon'.*backwards"),
        ("*/0 * * * *", "minute.*'\\*/0'.*1 to 59"),
        ("*/90 * * * *", "minute.*'\\*/90'"),
        ("* */24 * * *", "hour.*'\\*/24'"),
        ("5/2 * * * *", "minute.*'5/2'.*range"),
        ("R * * * *", "minute.*'R'"),
        ("R(0-5) * * * *", "minute"),
        ("H * * * *", "minute.*'H'"),
        ("0 0 L * *", "day of month.*'L'"),
        ("0 0 * * fri#2", "day of week.*'fri#2'"),
        ("0 0 ? * *", "day of month"),
        ("0 0 15W * *", "day of month"),
        ("mon * * * *", "minute.*'mon'"),
        ("-5 * * * *", "minute"),
        ("1,,2 * * * *", "minute.*''"),
        ("1- * * * *", "minute"),
        ("*5 * * * *", "minute"),
        ("1.5 * * * *", "minute"),
        ("1_0 * * * *", "minute"),
        ("٣ * * * *", "ASCII characters"),
        ("@reboot", "has 1 fields"),
        ("@daily", "has 1 fields"),
        ("0 0 * * *\n", "one line"),
        ("0 0 *\n* *", "one line"),
        ("0 0 * * *\x00", "one line"),
        ("0 " * 129, "258 characters"),
        (None, "got None"),
        (5, "got 5"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_field(expression: object, names: str) -> None:
    with pytest.raises(BadInput, match=names) as caught:
        timing("cron", expression, "UTC", ANCHOR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Europe/Berln", "Europe", "", "../../etc/passwd", "/etc/localtime", "None", None, "A\x00"]
)
def test_an_unknown_zone_is_refused(name: object) -> None:
    with pytest.raises(BadInput, match="the timezone is"):
        zone(name)


def test_a_mistyped_zone_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'Europe/Berlin'"):
        zone("Europe/Berln")


@pytest.mark.parametrize(
    "text", ["25:00", "24:00", "12:60", "12", "12:5", "12:00:00", "", "-1:00", "x:00", "٣:00", None]
)
def test_a_wrong_time_of_day_is_refused(text: object) -> None:
    with pytest.raises(BadInput, match="the time of day is"):
        daily(text)


@pytest.mark.parametrize("text", [0, -5, "0", "-3600", "", "1.5", "1e3", "soon", "1_000", None, 10**12, "٣"])
def test_a_wrong_interval_is_refused(text: object) -> None:
    with pytest.raises(BadInput, match="the interval is"):
        interval(text)


def test_daily_is_a_time_of_day_in_the_zone() -> None:
    assert first_ones(timing("daily", "00:00", "Europe/Berlin", ANCHOR), utc("2026-07-01T00:00"), 2) == [
        "2026-07-01T22:00Z",
        "2026-07-02T22:00Z",
    ]


def test_an_interval_does_not_drift_and_begins_after_its_anchor() -> None:
    hourly = Interval(3600, ANCHOR)
    assert hourly.after(ANCHOR - timedelta(days=3)) == ANCHOR + timedelta(hours=1)
    assert hourly.after(ANCHOR) == ANCHOR + timedelta(hours=1)
    assert hourly.after(ANCHOR + timedelta(minutes=61)) == ANCHOR + timedelta(hours=2)
    assert hourly.after(ANCHOR + timedelta(hours=2)) == ANCHOR + timedelta(hours=3)


def matches(expression: str, shown: datetime) -> bool:
    """Whether clocks that show this are named by an expression of numbers, lists and stars: what cron means by it."""
    values = (shown.minute, shown.hour, shown.day, shown.month, shown.isoweekday() % 7)
    fits = [
        word == "*" or str(value) in word.split(",") for word, value in zip(expression.split(), values, strict=True)
    ]
    restricted = "*" not in expression.split()[2:5:2]
    return all(fits[:2]) and fits[3] and (any(fits[2::2]) if restricted else fits[2] and fits[4])


def some(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.sets(st.integers(low, high), min_size=1, max_size=4)
    return st.just("*") | numbers.map(lambda found: ",".join(map(str, sorted(found))))


# February has a 28th in all years: each of these comes.
expressions = st.tuples(some(0, 59), some(0, 23), some(1, 28), st.just("*"), some(0, 6)).map(" ".join)
instants = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@settings(max_examples=60, deadline=None)
@given(expressions, instants)
def test_in_utc_it_is_the_first_minute_that_fits(expression: str, start: datetime) -> None:
    due = cron(expression).after(start)
    assert due > start
    assert matches(expression, due)
    minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(3000):
        if minute >= due:
            break
        assert not matches(expression, minute)
        minute += timedelta(minutes=1)


@settings(max_examples=60, deadline=None)
@given(expressions, instants, st.sampled_from(ZONES))
def test_in_every_zone_due_times_go_up_and_do_not_depend_on_where_one_asks(
    expression: str, start: datetime, zone_name: str
) -> None:
    timing = cron(expression, zone_name)
    one = timing.after(start)
    two = timing.after(one)
    assert start < one < two
    assert timing.after(one - timedelta(microseconds=1)) == one
    assert timing.after(start + (one - start) / 2) == one
    assert timing.after(one + (two - one) / 2) == two


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 59), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))
def test_hourly_runs_whenever_the_clocks_show_that_minute(zone_name: str, minute: int, day: datetime) -> None:
    start = day.replace(tzinfo=UTC, second=0, microsecond=0)
    wanted = [
        instant
        for instant in (start + timedelta(minutes=number) for number in range(1, 181))
        if instant.astimezone(ZoneInfo(zone_name)).minute == minute
    ]
    found = passed(cron(f"{minute} * * * *", zone_name), start, start + timedelta(hours=3), 10)
    assert list(found.latest) == wanted


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59), st.integers(2025, 2028))
def test_a_daily_time_comes_once_on_each_day_of_the_year(zone_name: str, hour: int, minute: int, year: int) -> None:
    timing = cron(f"{minute} {hour} * * *", zone_name)
    there = ZoneInfo(zone_name)
    start = datetime(year, 1, 1, tzinfo=there).astimezone(UTC) - timedelta(seconds=1)
    end = datetime(year + 1, 1, 1, tzinfo=there).astimezone(UTC) - timedelta(seconds=1)
    found = passed(timing, start, end, 400)
    days = [due.astimezone(there).date() for due in found.latest]
    assert len(set(days)) == len(days) == (366 if year == 2028 else 365)


def test_400_missed_minutes_are_counted() -> None:
    until = utc("2026-11-23T08:00")
    found = passed(cron("* * * * *"), until - timedelta(minutes=400), until, 3)
    assert (found.count, found.exact, found.first) == (400, True, utc("2026-11-23T01:21"))
    assert found.latest == tuple(until - timedelta(minutes=back) for back in (2, 1, 0))


class Counting:
    """A timing that counts how often it is asked."""

    def __init__(self, timing: Timing) -> None:
        self.timing, self.asked = timing, 0

    def after(self, instant: datetime) -> datetime:
        self.asked += 1
        return self.timing.after(instant)


@pytest.mark.parametrize("expression", ["* * * * *", "* 3 * * *", "* * 1 1 *"])
def test_years_of_missed_minutes_cost_no_more(expression: str) -> None:
    counting = Counting(cron(expression))
    until = utc("2026-11-23T08:00")
    found = passed(counting, until - timedelta(days=3650), until, 1)
    assert (found.count, found.exact) == (1000, False)
    assert found.latest[0] <= until < counting.timing.after(found.latest[0])
    assert counting.asked < 4000


def test_nothing_passed() -> None:
    assert passed(cron("0 0 * * *"), utc("2026-11-23T08:00"), utc("2026-11-23T09:00"), 5).count == 0
