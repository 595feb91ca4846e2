"""Silence the messages of the SDK."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what the process writes to stdout and stderr. Errors still arrive as exceptions."""
    kept = {number: os.dup(number) for number in (1, 2)}
    sys.stdout.flush()
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.devnull is a name, not a path
            for number in kept:
                os.dup2(nowhere.fileno(), number)
            yield
    finally:
        sys.stdout.flush()
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
