"""Positions of clients that scroll through lists, in memory; one that is not used for ten minutes is forgotten."""

import threading
import time
import uuid
from typing import Any

from localserver.store.query import scroll_size

EXPIRES_SECONDS = 600
_MOST = 10_000
_positions: dict[str, tuple[int, float]] = {}
_lock = threading.Lock()


def start(id: Any, size: Any, refresh: bool) -> tuple[str, int, int]:
    """(scroll id, offset, size) of the next page; an unknown id starts a new scroll, `refresh` shows all up to here."""
    size = scroll_size(size)
    with _lock:
        position, expires = _positions.get(str(id), (0, 0.0))
    if not id or expires < time.monotonic():
        id, position = uuid.uuid4().hex, 0
    return (str(id), 0, max(position, size)) if refresh else (str(id), position, size)


def note(id: str, position: int) -> None:
    """Remember how far a client has come."""
    now = time.monotonic()
    with _lock:
        _positions.pop(id, None)
        _positions[id] = (position, now + EXPIRES_SECONDS)
        # The oldest come first.
        while len(_positions) > _MOST or next(iter(_positions.values()))[1] < now:
            _positions.pop(next(iter(_positions)))
