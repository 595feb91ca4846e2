"""Natural order of text: numbers count as numbers and case decides last (`a2`, `A2`, `a10`)."""

import re
import sqlite3
import unicodedata
from functools import lru_cache

# Order of the Unicode collation: white space and marks, then digits, then letters.
_MARKS = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_RANKS = {mark: bytes([16 + rank]) for rank, mark in enumerate(_MARKS)}
_SPACE, _OTHER, _NUMBER, _LETTER = b"\x01", b"\x60", b"\x70", b"\x80"
_PARTS = re.compile(r"\d+|\D", re.ASCII)


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("natural_key", 1, natural_key, deterministic=True)


def natural_key(value: str | float | bytes | None) -> float | bytes | None:
    """Return a key that sorts text naturally. Other values are returned and sort before text."""
    return text_key(value) if isinstance(value, str) else value


@lru_cache(maxsize=16_384)
def text_key(text: str) -> bytes:
    """Return a key that sorts text naturally."""
    letters = unicodedata.normalize("NFKD", text)
    base = "".join(item for item in letters if not unicodedata.combining(item)).casefold()
    primary = b"".join(_part(part) for part in _PARTS.findall(base))
    # Equal text is ordered by accents, then by case. Lower case comes first.
    return b"\x00".join((primary, letters.casefold().encode(), letters.swapcase().encode()))


def _part(part: str) -> bytes:
    if part.isascii() and part.isdigit():
        number = part.lstrip("0")
        return _NUMBER + len(number).to_bytes(4, "big") + number.encode()
    if part in _RANKS:
        return _RANKS[part]
    return (_SPACE if part.isspace() else _LETTER if part.isalpha() else _OTHER) + part.encode()
