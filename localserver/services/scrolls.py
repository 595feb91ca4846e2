"""Positions of clients that scroll through lists; one that is not used for ten minutes is forgotten."""

import uuid
from typing import Any

from localserver.services.memory import Memory
from localserver.store.query import scroll_size

_positions: Memory[int] = Memory(seconds=600, most=10_000)


def start(id: Any, size: Any, refresh: bool) -> tuple[str, int, int]:
    """(scroll id, offset, size) of the next page; an unknown id starts a new scroll, `refresh` shows all up to here."""
    size = scroll_size(size)
    position = _positions.get(str(id)) if id else None
    if position is None:
        id, position = uuid.uuid4().hex, 0
    return (str(id), 0, max(position, size)) if refresh else (str(id), position, size)


def note(id: str, position: int) -> None:
    """Remember how far a client has come."""
    _positions.keep(id, position)
