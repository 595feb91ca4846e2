"""What happens that somebody may want to be told: what `ops/monitor` sees and `ops/notify` sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Of a run: completed, not_promoted (it completed, and the gate said no), failed, stopped; stuck: it goes on and nothing
# is heard of it, or it waits for a worker that does not come. Of a step: lost, its worker died it was marked failed.
# Of a schedule: missed, skipped, launch_failed, paused, delayed. Of the backend: backend_away, backend_back.
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
    """Something that happened, once: whoever sees it again gives it the same key.

    Attributes:
        key: tells it from every other, like `run 3f9a… failed`.
        kind: one of KINDS.
        at: when, in UTC.
        subject: one sentence, like `churn failed in train_sweep`.
        facts: what else is known, as JSON has it; of a run: flow, run_id, status, seconds, failed_step, error (its last
            lines), metrics, promoted, reason, url; of all: fix, the command that mends it.
    """

    key: str
    kind: str
    at: datetime
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)
