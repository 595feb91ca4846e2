"""Watch runs: `run_status` returns one; `flows monitor watch` sends notifications."""

from clearml_flows.monitor.api import run_status

__all__ = ["run_status"]
