"""Scroll positions in lists. A position expires ten minutes after its last use."""

import uuid
from typing import Any

from clearml_flows.localserver.services.memory import Memory
from clearml_flows.localserver.store.query import scroll_size

_positions: Memory[int] = Memory(seconds=600, most=10_000)


def start(id: Any, size: Any, refresh: bool) -> tuple[str, int, int]:
    """Return (scroll id, offset, size) of the next page.

    An unknown id starts a new scroll. With `refresh`, the page has all items up to the current position.
    """
    size = scroll_size(size)
    position = _positions.get(str(id)) if id else None
    if position is None:
        id, position = uuid.uuid4().hex, 0
    return (str(id), 0, max(position, size)) if refresh else (str(id), position, size)


def note(id: str, position: int) -> None:
    """Store the number of items that a scroll has returned so far."""
    _positions.keep(id, position)
