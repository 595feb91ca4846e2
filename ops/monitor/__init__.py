"""Watching runs: `run_status` tells of one, `flows monitor watch` tells whom it may concern."""

from ops.monitor.status import run_status

__all__ = ["run_status"]
