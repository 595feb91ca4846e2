"""Due times of schedules: pure functions of UTC times.

Clock changes: a time in the hour skipped in spring is due at the first instant after the gap. A time in
the hour repeated in autumn is due at its first occurrence only. An expression that names every hour is due
each real hour in both cases.
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

from clearml_flows.errors import BadInput
from clearml_flows.schedule.cron import Expression, parse
from clearml_flows.spelling import did_you_mean

SECOND = timedelta(seconds=1)
LONGEST_INTERVAL = 366 * 86400
COUNTED = 1000


class Timing(Protocol):
    """A repeating time."""

    def after(self, instant: datetime) -> datetime:
        """Return the first due time after `instant`; both are in UTC."""


@dataclass(frozen=True)
class Interval:
    """Due every `seconds` seconds after `anchor` (UTC), without drift."""

    seconds: int
    anchor: datetime

    def after(self, instant: datetime) -> datetime:
        step = timedelta(seconds=self.seconds)
        return self.anchor + max(1, (instant - self.anchor) // step + 1) * step


@dataclass(frozen=True)
class Cron:
    """Due when the zone's local time matches the expression."""

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
        # Iterate in local time without clock changes; `_instants` handles these, not croniter.
        return croniter(self.expression.plain, datetime(2000, 1, 1), ret_type=datetime)

    def _walls(self, start: datetime) -> Iterator[datetime]:
        wall = start
        while True:
            wall = self._iterator.get_next(start_time=wall)
            yield wall

    def _start(self, instant: datetime) -> datetime:
        """Return the local time from which to iterate.

        In a repeated hour this is its first occurrence, so that no later due time is skipped.
        """
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
    """The due times of a window: count, first, and the latest in order.

    If `exact` is false there are at least `count`.
    """

    count: int
    exact: bool
    first: datetime | None
    latest: tuple[datetime, ...]


def passed(timing: Timing, after: datetime, until: datetime, keep: int) -> Passed:
    """Return the due times in (after, until], with the latest `keep` of them, at a bounded cost."""
    first, count = None, 0
    latest: deque[datetime] = deque(maxlen=keep)
    for due in _between(timing, after, until):
        first, count = first or due, count + 1
        latest.append(due)
        if count == COUNTED:
            return Passed(count, False, first, tuple(deque(_last_ones(timing, until), keep)))
    return Passed(count, True, first, tuple(latest))


def interval(seconds: object) -> int:
    """Parse an interval in seconds.

    Raises BadInput unless it is a whole number from 1 to a year.
    """
    text = str(seconds)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LONGEST_INTERVAL):
        raise BadInput(f"the interval is {text[:40]!r}: expected a whole number of seconds, 1 to {LONGEST_INTERVAL}")
    return int(text)


def daily(time: object) -> str:
    """Return the cron expression of a time of day, HH:MM. Raises BadInput for any other text."""
    hour, colon, minute = str(time).partition(":")
    digits = all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hour, minute)) and len(minute) == 2
    if not (colon and digits and int(hour) <= 23 and int(minute) <= 59):
        raise BadInput(f"the time of day is {str(time)[:40]!r}: expected HH:MM, 00:00 to 23:59")
    return f"{int(minute)} {int(hour)} * * *"


def zone(name: object) -> ZoneInfo:
    """Return the time zone of this name. Raises BadInput if there is none."""
    try:
        return ZoneInfo(str(name))
    except (ValueError, KeyError, OSError):  # errors for a path, an unknown name and the name of a folder
        near = did_you_mean(str(name)[:40], zoneinfo.available_timezones())
        hint = near if "mean" in near else "; expected a name like Europe/Berlin"
        raise BadInput(f"the timezone is {str(name)[:40]!r}{hint}") from None


def timing(kind: str, text: object, zone_name: str, anchor: datetime) -> Timing:
    """Return the due times of a schedule.

    Args:
        kind: `interval`, `daily` or `cron`.
        text: seconds, HH:MM, or an expression, depending on the kind.

    Raises:
        BadInput: a value is wrong. The message names the value.
    """
    if kind not in ("interval", "daily", "cron"):
        raise BadInput(f"the kind of schedule is {kind!r}: expected interval, daily or cron")
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
    """Return the due times of the shortest window before `until` that has any.

    The window doubles from a minute.
    """
    back = timedelta(minutes=1)
    while timing.after(until - back) > until:
        back *= 2
    return _between(timing, until - back, until)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()
