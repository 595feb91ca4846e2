"""Live workers: registered workers that have reported within their timeout."""

import fnmatch
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from clearml_flows.localserver.fields import texts
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection

TIMEOUT_SECONDS = 600


def alive(call: Call) -> list[Document]:
    """Return the workers that reported within the timeout they registered with."""
    return [worker for worker in call.db.workers.all(Selection()) if heard_of(worker, worker["register_timeout"])]


def asked_for(call: Call, last_seen: int) -> list[Document]:
    """Return the live workers that match the request's `last_seen`, tags and pattern.

    The argument `last_seen` is the default in seconds. 0 selects all live workers.
    """
    seconds = call.data.get("last_seen")
    seconds = last_seen if seconds is None else seconds
    pattern = call.data.get("worker_pattern") or "*"
    return [
        worker
        for worker in alive(call)
        if (not seconds or heard_of(worker, max(1, seconds)))
        and fnmatch.fnmatchcase(worker["id"], pattern)
        and all(_has(worker[name], texts(call.data, name)) for name in ("tags", "system_tags"))
    ]


def heard_of(worker: Document, seconds: int) -> bool:
    """Return True if the worker was active in the last `seconds`."""
    return datetime.fromisoformat(worker["last_activity_time"]) > datetime.now(UTC) - timedelta(seconds=seconds)


def runs(call: Call, task: str) -> bool:
    """Return True if a live worker reports that it runs the Task."""
    return any(worker.get("task") == task for worker in alive(call))


def _has(tags: Sequence[str], wanted: Sequence[str]) -> bool:
    """Return True if at least one wanted tag is set, and none with a leading minus."""
    included = [tag for tag in wanted if not tag.startswith("-")]
    excluded = {tag[1:] for tag in wanted if tag.startswith("-")}
    return (not included or bool(set(tags).intersection(included))) and not excluded.intersection(tags)
