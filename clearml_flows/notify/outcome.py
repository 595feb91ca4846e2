"""Result of an attempt to send a message."""

from dataclasses import dataclass

SENT = "sent"
AGAIN = "again"  # a retry may succeed
REFUSED = "refused"  # a retry cannot succeed


@dataclass(frozen=True)
class Outcome:
    """Result of an attempt.

    Attributes:
        state: SENT, AGAIN or REFUSED.
        error: reason of a failure for people, without secrets.
        after: seconds that the server asks to wait.
    """

    state: str
    error: str = ""
    after: float | None = None
