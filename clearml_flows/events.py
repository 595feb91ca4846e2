"""Events: `monitor` detects them and `notify` sends notifications of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Run: completed, not_promoted (completed, but the gate said no), failed, stopped, stuck (no update, or no worker for
# its queue). Step: lost (marked failed because its worker died). Schedule: missed, skipped, launch_failed, paused,
# delayed. Backend: backend_away, backend_back.
KINDS = (
    "completed",
    "not_promoted",
    "failed",
    "stopped",
    "stuck",
    "lost",
    "missed",
    "skipped",
    "launch_failed",
    "paused",
    "delayed",
    "backend_away",
    "backend_back",
    "test",
)


@dataclass(frozen=True)
class Event:
    """An event with a unique key. Detecting it again gives the same key.

    Attributes:
        key: unique key, like `run 3f9a… failed`.
        kind: one of KINDS.
        at: its time in UTC.
        subject: one sentence, like `churn failed in train_sweep`.
        facts: more data as JSON. Of a run: flow, run_id, status, seconds, failed_step, error (its last lines),
            metrics, promoted, reason, url. Of all: fix, the command that repairs it.
    """

    key: str
    kind: str
    at: datetime
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)
