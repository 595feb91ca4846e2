"""How an attempt to send went."""

from dataclasses import dataclass

SENT = "sent"
AGAIN = "again"  # it may go well later
REFUSED = "refused"  # it will not


@dataclass(frozen=True)
class Outcome:
    """Attributes:
    state: one of the above.
    error: why it was not sent, for people; no secret in it.
    after: seconds that the other side asks to wait.
    """

    state: str
    error: str = ""
    after: float | None = None
