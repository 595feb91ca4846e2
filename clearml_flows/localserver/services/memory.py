"""Expiring in-memory storage for values under ids that clients send back."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Thread-safe values by id, kept for `seconds`. Over `most` values, the oldest are dropped."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: dict[str, tuple[Value, float]] = {}
        self._lock = threading.Lock()

    def get(self, id: str) -> Value | None:
        """Return the value of an id, or None if the id is unknown or expired."""
        with self._lock:
            self._forget()
            value, _ = self._values.get(id, (None, 0.0))
            return value

    def keep(self, id: str, value: Value) -> None:
        """Store a value, replacing an earlier one, and restart its lifetime."""
        with self._lock:
            self._values.pop(id, None)
            self._values[id] = (value, self._clock() + self._seconds)
            self._forget()

    def _forget(self) -> None:
        now = self._clock()
        # `keep` re-inserts a value, so the dictionary is ordered from oldest to newest.
        while self._values and (len(self._values) > self._most or next(iter(self._values.values()))[1] <= now):
            self._values.pop(next(iter(self._values)))
