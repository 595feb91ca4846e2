"""Suggest known names for a mistyped name."""

import difflib
from collections.abc import Iterable

LISTED = 12


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: the nearest name, else some names.

    Empty if no name is known.
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = ", …" if len(names) > LISTED else ""
    return f"; there are {', '.join(names[:LISTED])}{more}" if names else ""
