"""Watch runs: `run_status` returns one; `flows monitor watch` sends notifications."""

from ops.monitor.status import run_status

__all__ = ["run_status"]
