"""Names that a person mistyped, beside those that there are."""

import difflib
from collections.abc import Iterable

LISTED = 12


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, else some of them, else nothing."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = ", …" if len(names) > LISTED else ""
    return f"; there are {', '.join(names[:LISTED])}{more}" if names else ""
