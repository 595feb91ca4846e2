"""What the server keeps in memory for a time, under ids that clients give back."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Values by id. A value is forgotten some seconds after it was kept, and the oldest when there are too many."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: dict[str, tuple[Value, float]] = {}
        self._lock = threading.Lock()

    def get(self, id: str) -> Value | None:
        """The value of an id, None when it is unknown or forgotten."""
        with self._lock:
            self._forget()
            value, _ = self._values.get(id, (None, 0.0))
            return value

    def keep(self, id: str, value: Value) -> None:
        """Keep a value from now on, in place of an earlier one."""
        with self._lock:
            self._values.pop(id, None)
            self._values[id] = (value, self._clock() + self._seconds)
            self._forget()

    def _forget(self) -> None:
        now = self._clock()
        # The oldest come first.
        while self._values and (len(self._values) > self._most or next(iter(self._values.values()))[1] <= now):
            self._values.pop(next(iter(self._values)))
