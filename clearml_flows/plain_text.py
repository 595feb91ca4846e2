"""Values and instants as one line of text, for tables, logs and exported files."""

from datetime import datetime
from typing import Any


def cell(value: Any) -> str:
    """Return a value as text on one line. Control characters become blanks."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"
    text = ", ".join(map(cell, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def local_date(value: str | datetime | None) -> str:
    """Return an instant (UTC if it has no zone) in local time with the zone's name."""
    if not value:
        return ""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        instant = datetime.fromisoformat(f"{instant.isoformat()}+00:00")
    return instant.astimezone().strftime("%Y-%m-%d %H:%M %Z")
