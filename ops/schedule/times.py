"""When a schedule is due: pure functions of instants in UTC; whoever calls brings the time.

Where clocks change: a time in the hour that spring leaves out is the first instant after the gap. A time in the hour
that autumn repeats is its first occurrence only. What names every hour of the day runs at every real time, in both.
"""

import zoneinfo
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from croniter import croniter

from flows.errors import BadInput
from flows.names import did_you_mean
from ops.schedule.cron import Expression, parse

SECOND = timedelta(seconds=1)
LONGEST_INTERVAL = 366 * 86400
COUNTED = 1000


class Timing(Protocol):
    """Something that is due again and again."""

    def after(self, instant: datetime) -> datetime:
        """The first due time after an instant, both in UTC."""


@dataclass(frozen=True)
class Interval:
    """Due `seconds` after `anchor`, an instant in UTC, and again each as many seconds later: it does not drift."""

    seconds: int
    anchor: datetime

    def after(self, instant: datetime) -> datetime:
        step = timedelta(seconds=self.seconds)
        return self.anchor + max(1, (instant - self.anchor) // step + 1) * step


@dataclass(frozen=True)
class Cron:
    """Due when the clocks of the zone show what the expression names."""

    expression: Expression
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime:
        best: datetime | None = None
        for wall in self._walls(self._start(instant)):
            instants = [due for due in self._instants(wall) if due > instant]
            best = min([*instants, *([best] if best else [])], default=None)
            if best and self._first(wall) >= best:
                return best
        raise AssertionError("an expression that was parsed has no end")

    @cached_property
    def _iterator(self) -> croniter:
        # Clocks that never change: what they do at a change is told here, not by croniter.
        return croniter(self.expression.plain, datetime(2000, 1, 1), ret_type=datetime)

    def _walls(self, start: datetime) -> Iterator[datetime]:
        wall = start
        while True:
            wall = self._iterator.get_next(start_time=wall)
            yield wall

    def _start(self, instant: datetime) -> datetime:
        """What the clocks show; in an hour that comes again, its start: from there on they show all later due times."""
        local = instant.astimezone(self.zone)
        second = local.replace(fold=1)
        repeated = _offset(local) - _offset(second) if local.fold == 0 else timedelta()
        return local.replace(tzinfo=None, microsecond=0) - max(repeated, timedelta())

    def _first(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def _instants(self, wall: datetime) -> list[datetime]:
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            return [first]
        if first < second:
            return [first, second] if self.expression.hourly else [first]
        return [] if self.expression.hourly else [self._gap_end(second, first)]

    def _gap_end(self, before: datetime, after: datetime) -> datetime:
        old = _offset(before.astimezone(self.zone))
        while after - before > SECOND:
            middle = (before + (after - before) / 2).replace(microsecond=0)
            if _offset(middle.astimezone(self.zone)) == old:
                before = middle
            else:
                after = middle
        return after


@dataclass(frozen=True)
class Passed:
    """The due times of a span: how many (at least: `exact` is false), the first, and the latest ones in order."""

    count: int
    exact: bool
    first: datetime | None
    latest: tuple[datetime, ...]


def passed(timing: Timing, after: datetime, until: datetime, keep: int) -> Passed:
    """The due times in (after, until], of which the latest `keep` are told, at a cost that has a bound."""
    first, count = None, 0
    latest: deque[datetime] = deque(maxlen=keep)
    for due in _between(timing, after, until):
        first, count = first or due, count + 1
        latest.append(due)
        if count == COUNTED:
            return Passed(count, False, first, tuple(deque(_last_ones(timing, until), keep)))
    return Passed(count, True, first, tuple(latest))


def interval(seconds: object) -> int:
    """Raises BadInput unless it is a whole number of seconds from one to a year."""
    text = str(seconds)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LONGEST_INTERVAL):
        raise BadInput(f"the interval is {text[:40]!r}: wanted is a whole number of seconds, 1 to {LONGEST_INTERVAL}")
    return int(text)


def daily(time: object) -> str:
    """The cron expression of a time of day, HH:MM. Raises BadInput if it is none."""
    hour, colon, minute = str(time).partition(":")
    digits = all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hour, minute)) and len(minute) == 2
    if not (colon and digits and int(hour) <= 23 and int(minute) <= 59):
        raise BadInput(f"the time of day is {str(time)[:40]!r}: wanted is HH:MM, 00:00 to 23:59")
    return f"{int(minute)} {int(hour)} * * *"


def zone(name: object) -> ZoneInfo:
    """Raises BadInput if there is no such time zone."""
    try:
        return ZoneInfo(str(name))
    except (ValueError, KeyError, OSError):  # a path, no such name, the name of a folder
        near = did_you_mean(str(name)[:40], zoneinfo.available_timezones())
        hint = near if "mean" in near else "; wanted is a name like Europe/Berlin"
        raise BadInput(f"the timezone is {str(name)[:40]!r}{hint}") from None


def timing(kind: str, text: object, zone_name: str, anchor: datetime) -> Timing:
    """`interval` with seconds, `daily` with HH:MM, `cron` with an expression. Raises BadInput naming what is wrong."""
    if kind not in ("interval", "daily", "cron"):
        raise BadInput(f"the kind of schedule is {kind!r}: wanted is interval, daily or cron")
    there = zone(zone_name)
    if kind == "interval":
        return Interval(interval(text), anchor)
    return Cron(parse(daily(text) if kind == "daily" else text), there)


def _between(timing: Timing, after: datetime, until: datetime) -> Iterator[datetime]:
    due = timing.after(after)
    while due <= until:
        yield due
        due = timing.after(due)


def _last_ones(timing: Timing, until: datetime) -> Iterator[datetime]:
    """The due times of the shortest span, doubled from a minute, that has any."""
    back = timedelta(minutes=1)
    while timing.after(until - back) > until:
        back *= 2
    return _between(timing, until - back, until)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()
