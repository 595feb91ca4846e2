"""What a message about a run that has ended says: its result, or the step that failed and the end of its error."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flows.api import Refused
from flows.backend import Backend
from flows.document import document, page_of
from flows.launch import Ended
from flows.watch import Step
from ops.monitor.reading import console_end, failed_below
from ops.monitor.records import Seen

ERROR_LINES = 20
CAUSES = 3  # of what a step had started and that failed


def facts_of(backend: Backend, seen: Seen) -> dict[str, Any]:
    """Keys flow, run_id, name, status, seconds, failed_step, error, metrics, promoted, reason, url; some are null.

    Raises Unreachable.
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


def _error(backend: Backend, seen: Seen, step: Step | None) -> str:
    """The step's own words, else what ClearML says and what it printed last; with experiments of it that failed."""
    said = (step.message if step else seen.run.message).strip().splitlines()[-ERROR_LINES:]
    if step:
        said = [*said, *failed_below(backend.api, step.task_id, CAUSES)][-ERROR_LINES:]
    left = ERROR_LINES - len(said)
    if left and not (step and step.own_words):
        with suppress(Refused):  # it was deleted in the meantime
            said += console_end(backend.api, step.task_id if step else seen.id, ERROR_LINES)[-left:]
    return "\n".join(said)


def _results(backend: Backend, seen: Seen) -> dict[str, Any]:
    # What a step of another flow returned under the name of one of ours need not be what ours return.
    with suppress(KeyError, TypeError, ValueError, AttributeError, StopIteration, Refused):
        account = document(seen.flow, Ended(seen.run, backend, seen.seconds, ""))
        evaluation, best = account["evaluation"] or {}, (account["experiments"] or {}).get("best") or {}
        return {
            "metrics": _numbers({**(best.get("metrics") or {}), **(evaluation.get("metrics") or {})}),
            "promoted": evaluation.get("promoted"),
            "reason": evaluation.get("reason"),
            **({"best": best["name"]} if best else {}),
        }
    return {"metrics": {}, "promoted": None, "reason": None}


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
