"""Facts for the notification of an ended run: its results, or its failed step and error."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from clearml_flows.backend.client import Api, Refused
from clearml_flows.backend.connection import Backend
from clearml_flows.errors import Unreachable
from clearml_flows.monitor.reading import console_end, failed_below
from clearml_flows.monitor.records import MonitoredRun
from clearml_flows.run.document import document, page_of
from clearml_flows.run.ending import was_lost
from clearml_flows.run.launch import Ended
from clearml_flows.run.snapshot import Step

ERROR_LINES = 20
Answer = TypeVar("Answer")
CAUSES = 3  # limit of failed experiments of a step


def facts_of(backend: Backend, seen: MonitoredRun) -> dict[str, Any]:
    """Return the facts of a run; some may be null.

    The keys are flow, run_id, name, status, seconds, failed_step, error, metrics, promoted, reason and url.

    Raises:
        Unreachable: the backend does not answer.
    """
    step = seen.failed_step if seen.end in ("failed", "stopped") else None
    broken = seen.end in ("failed", "stopped")
    return {
        "flow": seen.flow,
        "run_id": seen.id,
        "name": seen.name,
        "status": seen.end or seen.run.status,
        "seconds": seen.seconds,
        "failed_step": step.name if step else None,
        "error": _error(backend, seen, step) if broken else None,
        **_results(backend, seen),
        "url": page_of(backend, seen.run.project, seen.id),
        **({"fix": f"flows runs resume {seen.id}"} if broken and seen.own else {}),
    }


def _error(backend: Backend, seen: MonitoredRun, step: Step | None) -> str:
    """Return the step's own error, else ClearML's message and the last console lines.

    The errors of failed experiments of the step follow.
    """
    said = (step.message if step else seen.run.message).strip().splitlines()
    if step:
        task = step.task_id
        said += _if_there(backend.api, lambda api: failed_below(api, task, CAUSES)) or []
    left = ERROR_LINES - len(said)
    if left > 0 and not (step and step.own_words) and not was_lost(said[0] if said else ""):
        silent = step.task_id if step else seen.id
        said += (_if_there(backend.api, lambda api: console_end(api, silent, ERROR_LINES)) or [])[-left:]
    return "\n".join(said[-ERROR_LINES:])


def _if_there(api: Api, ask: Callable[[Api], Answer]) -> Answer | None:
    """Return the answer, or None if the backend refuses or fails this request only."""
    try:
        return ask(api)
    except Refused:
        return None
    except Unreachable:
        api.call("debug.ping")
        return None


def _results(backend: Backend, seen: MonitoredRun) -> dict[str, Any]:
    nothing: dict[str, Any] = {"metrics": {}, "promoted": None, "reason": None}
    # A step of a foreign flow may have a known name but other results.
    with suppress(KeyError, TypeError, ValueError, AttributeError, StopIteration):
        account = _if_there(backend.api, lambda _: document(seen.flow, Ended(seen.run, backend, seen.seconds, "")))
        if account is None:
            return nothing
        evaluation, best = account["evaluation"] or {}, (account["experiments"] or {}).get("best") or {}
        return {
            "metrics": _numbers({**(best.get("metrics") or {}), **(evaluation.get("metrics") or {})}),
            "promoted": evaluation.get("promoted"),
            "reason": evaluation.get("reason"),
            **({"best": best["name"]} if best else {}),
        }
    return nothing


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
