"""Convert values of documents to texts and numbers for pages. Accepts any value of a client."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

MAX_TEXT = 100_000


def mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty list."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list, or the object values of an object."""
    values = list(value.values()) if isinstance(value, dict) else items(value)
    return (item for item in values if isinstance(item, dict))


def text(value: Any, limit: int = MAX_TEXT) -> str:
    """Return a value as text, cut at `limit` characters.

    Values that are no text are shown as JSON.
    """
    if value is None:
        return ""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = shown.encode("utf-8", "replace").decode()
    return shown if len(shown) <= limit else shown[:limit] + " …"


def number(value: Any) -> float | None:
    """Return a finite number from a number or text, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def shown_number(value: Any) -> str:
    """Return a number with five significant digits. Other values are shown as text."""
    found = number(value)
    if found is None or isinstance(value, str):
        return text(value, 200)
    return f"{found:.5g}" if abs(found) < 1e5 or found != int(found) else f"{int(found)}"


def moment(value: Any) -> datetime | None:
    """Return an ISO 8601 date as a datetime with a time zone (default UTC), or None."""
    try:
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def shown_moment(value: Any) -> str:
    """Return an ISO 8601 date as text in UTC, to the second."""
    found = moment(value)
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if found else text(value, 40)


def shown_milliseconds(value: Any) -> str:
    """Return the time of an event (milliseconds since 1970) as HH:MM:SS in UTC."""
    found = number(value)
    try:
        return datetime.fromtimestamp((found or 0) / 1000, UTC).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return ""


def shown_duration(start: Any, end: Any) -> str:
    """Return the time between two ISO 8601 dates as text. Without `end`, the time until now."""
    began = moment(start)
    if began is None:
        return ""
    seconds = ((moment(end) or datetime.now(UTC)) - began).total_seconds()
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def shown_size(value: Any) -> str:
    """Return a number of bytes as text in B, KiB, MiB or GiB."""
    size = number(value)
    if size is None:
        return ""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
