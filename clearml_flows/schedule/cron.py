"""Strict parser of five-field cron expressions. It rewrites each field as a list of numbers.

croniter computes the times, but also accepts expressions that cron rejects: six or seven fields, `R`,
reversed ranges, steps larger than the field, and dates that do not exist. This parser rejects all of
these and names the field.
"""

import re
from collections.abc import Set
from dataclasses import dataclass

from clearml_flows.errors import BadInput

LONGEST = 256
_ITEM = re.compile(r"(?P<all>\*)?(?:(?P<first>\w+)(?:-(?P<last>\w+))?)?(?:/(?P<step>\w+))?", re.ASCII)
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Field:
    """A field of an expression: its bounds, and names for its numbers from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if not re.fullmatch("[0-9]{1,2}", text):
            known = f" or {self.names[0]} … {self.names[-1]}" if self.names else ""
            raise self.wrong(text, f"expected {self.low} to {self.high}{known}")
        if not self.low <= int(text) <= self.high:
            raise self.wrong(text, f"expected {self.low} to {self.high}")
        return int(text)

    def wrong(self, found: str, why: str) -> BadInput:
        return BadInput(f"the {self.name} of the cron expression is {found!r}: {why}")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, _MONTHS),
    Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class Expression:
    """A parsed expression: `plain` has lists of numbers; `hourly`: it names all 24 hours."""

    plain: str
    hourly: bool


def parse(text: object) -> Expression:
    """Parse a cron expression.

    Raises:
        BadInput: cron would reject the expression, or it never comes due. The message names the field.
    """
    words = _words(text)
    minutes, hours, days, months, weekdays = (_values(field, word) for field, word in zip(FIELDS, words, strict=True))
    day, weekday = _plain(days, 31), _plain({number % 7 for number in weekdays}, 7)
    either = not {"*", "*/1"} & {words[2], words[4]}  # cron then runs on days that match either
    if either and "*" in (day, weekday):
        day = weekday = "*"
    if weekday == "*" and not any(min(days) <= _DAYS_OF_MONTH[month - 1] for month in months):
        raise FIELDS[2].wrong(words[2], f"no month {words[3]} has such a day")
    return Expression(f"{_plain(minutes)} {_plain(hours)} {day} {_plain(months)} {weekday}", len(hours) == 24)


def _words(text: object) -> list[str]:
    if not isinstance(text, str):
        raise BadInput(f"expected a cron expression of five fields, got {text!r}")
    if len(text) > LONGEST:
        raise BadInput(f"the cron expression has {len(text)} characters; at most {LONGEST} are allowed")
    if not text.replace("\t", " ").isprintable() or not text.isascii():
        raise BadInput(f"the cron expression {text!r} is not one line of ASCII characters")
    words = text.split()
    if len(words) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        raise BadInput(f"the cron expression {text!r} has {len(words)} fields; expected five: {names}")
    return words


def _values(field: Field, word: str) -> frozenset[int]:
    return frozenset(value for item in word.split(",") for value in _item(field, item))


def _item(field: Field, item: str) -> range:
    found = _ITEM.fullmatch(item)
    if not found or not (found["all"] or found["first"]) or (found["all"] and found["first"]):
        raise field.wrong(item, "expected *, a number, or a range like 1-5, with an optional step like */2")
    low, high = (field.low, field.high) if found["all"] else _range(field, item, found["first"], found["last"])
    if field.names == _WEEKDAYS and found["all"]:
        high = 6
    if found["step"] is None:
        return range(low, high + 1)
    if low == high:
        raise field.wrong(item, "a step needs a range, as in */2 or 0-30/2")
    if not re.fullmatch("[0-9]{1,2}", found["step"]) or not 1 <= int(found["step"]) <= high - low:
        raise field.wrong(item, f"the step may be 1 to {high - low}")
    return range(low, high + 1, int(found["step"]))


def _range(field: Field, item: str, first: str, last: str | None) -> tuple[int, int]:
    low = field.number(first)
    if last is None:
        return low, low
    high = field.number(last)
    if last.lower() == "sun":  # at the end of a range Sunday is day 7, not day 0
        high = 7
    if high < low:
        raise field.wrong(item, "the range runs backwards")
    return low, high


def _plain(values: Set[int], every: int = 0) -> str:
    return "*" if len(values) == every else ",".join(map(str, sorted(values)))
