"""Regular expressions in filters.

Patterns of plain text become SQL comparisons. Others are matched with a time limit.
"""

import math
import re
import sqlite3
import time
from functools import lru_cache
from typing import Any

import regex

from clearml_flows.localserver import errors

MAX_LENGTH = 1_000
MAX_REPETITIONS = 10_000
SECONDS = 1.0
_COUNTS = re.compile(r"(?<=[{,])\d+(?=[,}])")
_SPECIAL = frozenset(".^$*+?{}[]|()\\")


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("matches", 4, _matches, deterministic=True)


def condition(expression: str, parameters: list[Any], pattern: str, ignore_case: bool) -> tuple[str, list[Any]]:
    """Return SQL that holds where the text of `expression` matches the pattern.

    Raises errors.ApiError for a pattern that is invalid, too long or too costly.
    """
    _check(pattern)
    plain = _plain(pattern)
    if plain is not None and (not ignore_case or pattern.isascii()):
        return _comparison(expression, parameters, *plain, ignore_case)
    deadline = time.monotonic() + SECONDS
    return f"matches({expression}, ?, ?, ?)", [*parameters, pattern, int(ignore_case), deadline]


def _check(pattern: str) -> None:
    if len(pattern) > MAX_LENGTH:
        raise errors.InvalidFields("regular expression too long", length=len(pattern), limit=MAX_LENGTH)
    # Compiling expands counted repetitions, and nested ones multiply: a{99} in a{99} in a{99} takes a second.
    counts = math.prod(max(1, int(count)) for count in _COUNTS.findall(pattern))
    if counts > MAX_REPETITIONS:
        raise errors.InvalidFields("regular expression repeats too often", found=counts, limit=MAX_REPETITIONS)
    try:
        _compiled(pattern, False)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise errors.InvalidPattern(err=error) from error


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool) -> "regex.Pattern[str]":
    return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)


def _matches(text: object, pattern: str, ignore_case: int, deadline: float) -> bool:
    if text is None:
        return False
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return _compiled(pattern, bool(ignore_case)).search(str(text), timeout=left) is not None


def _plain(pattern: str) -> tuple[bool, str, bool] | None:
    """Return (anchored at start, text, anchored at end) for a pattern of plain text, else None.

    Plain text has no special characters except escaped ones.
    """
    start = pattern.startswith("^")
    end = pattern.endswith("$") and not pattern.endswith("\\$")
    body = pattern[int(start) : len(pattern) - int(end)]
    text: list[str] = []
    characters = iter(body)
    for character in characters:
        if character == "\\":
            character = next(characters, "")
            if not character or character.isalnum():
                return None
        elif character in _SPECIAL:
            return None
        text.append(character)
    return start, "".join(text), end


def _comparison(
    expression: str, parameters: list[Any], start: bool, text: str, end: bool, ignore_case: bool
) -> tuple[str, list[Any]]:
    if not text:
        return (f"{expression} = ''", parameters) if start and end else (f"{expression} IS NOT NULL", parameters)
    if ignore_case:
        expression, text = f"lower({expression})", text.lower()
    if start and end:
        return f"{expression} = ?", [*parameters, text]
    if start:
        return f"substr({expression}, 1, {len(text)}) = ?", [*parameters, text]
    if end:
        return f"substr({expression}, -{len(text)}) = ?", [*parameters, text]
    return f"instr({expression}, ?) > 0", [*parameters, text]
