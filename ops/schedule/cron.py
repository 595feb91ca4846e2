"""Cron expressions: five fields, read strictly, and rewritten as plain lists of numbers.

croniter, which computes the times, also takes much that no cron does: six or seven fields, `R`, ranges that run
backwards, steps beyond the field, days that never come. Here each is refused with the name of its field.
"""

import re
from collections.abc import Set
from dataclasses import dataclass

from flows.errors import BadInput

LONGEST = 256
_ITEM = re.compile(r"(?P<all>\*)?(?:(?P<first>\w+)(?:-(?P<last>\w+))?)?(?:/(?P<step>\w+))?", re.ASCII)
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Field:
    """A field of an expression: its bounds, and the names that stand for numbers from `names_from` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if not re.fullmatch("[0-9]{1,2}", text):
            known = f" or {self.names[0]} … {self.names[-1]}" if self.names else ""
            raise self.wrong(text, f"wanted is {self.low} to {self.high}{known}")
        if not self.low <= int(text) <= self.high:
            raise self.wrong(text, f"wanted is {self.low} to {self.high}")
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
    """`plain` is what was written, as lists of numbers; `hourly`: it names every hour of the day."""

    plain: str
    hourly: bool


def parse(text: object) -> Expression:
    """Raises BadInput, naming the field, for whatever cron itself would not take or would never run."""
    words = _words(text)
    minutes, hours, days, months, weekdays = (_values(field, word) for field, word in zip(FIELDS, words, strict=True))
    day, weekday = _plain(days, 31), _plain({number % 7 for number in weekdays}, 7)
    either = not {"*", "*/1"} & {words[2], words[4]}  # both are restricted: a day that fits one of them is enough
    if either and "*" in (day, weekday):
        day = weekday = "*"
    if weekday == "*" and not any(min(days) <= _DAYS_OF_MONTH[month - 1] for month in months):
        raise FIELDS[2].wrong(words[2], f"no month {words[3]} has such a day")
    return Expression(f"{_plain(minutes)} {_plain(hours)} {day} {_plain(months)} {weekday}", len(hours) == 24)


def _words(text: object) -> list[str]:
    if not isinstance(text, str):
        raise BadInput(f"a cron expression is a text of five fields, not {text!r}")
    if len(text) > LONGEST:
        raise BadInput(f"the cron expression has {len(text)} characters; {LONGEST} are allowed")
    if not text.replace("\t", " ").isprintable() or not text.isascii():
        raise BadInput(f"the cron expression {text!r} is not one line of plain characters")
    words = text.split()
    if len(words) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        raise BadInput(f"the cron expression {text!r} has {len(words)} fields; wanted are five: {names}")
    return words


def _values(field: Field, word: str) -> frozenset[int]:
    return frozenset(value for item in word.split(",") for value in _item(field, item))


def _item(field: Field, item: str) -> range:
    found = _ITEM.fullmatch(item)
    if not found or not (found["all"] or found["first"]) or (found["all"] and found["first"]):
        raise field.wrong(item, "wanted is *, a number, or a range like 1-5, each with an optional step like */2")
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
    if last.lower() == "sun":  # at the end of a range it is the seventh day, not the first
        high = 7
    if high < low:
        raise field.wrong(item, "the range runs backwards")
    return low, high


def _plain(values: Set[int], every: int = 0) -> str:
    return "*" if len(values) == every else ",".join(map(str, sorted(values)))
