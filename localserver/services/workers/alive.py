"""Which workers there are: those that were heard of lately."""

import fnmatch
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from localserver.fields import texts
from localserver.registry import Call
from localserver.store.documents import Document
from localserver.store.query import Selection

TIMEOUT_SECONDS = 600


def alive(call: Call) -> list[Document]:
    """Those heard of within the time that they registered for."""
    return [worker for worker in call.db.workers.all(Selection()) if heard_of(worker, worker["register_timeout"])]


def asked_for(call: Call, last_seen: int) -> list[Document]:
    """The live workers that a request's `last_seen`, tags and pattern choose; a `last_seen` of 0 chooses all."""
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
    return datetime.fromisoformat(worker["last_activity_time"]) > datetime.now(UTC) - timedelta(seconds=seconds)


def runs(call: Call, task: str) -> bool:
    """Whether a live worker says that it runs a Task."""
    return any(worker.get("task") == task for worker in alive(call))


def _has(tags: Sequence[str], wanted: Sequence[str]) -> bool:
    """One of the wanted tags, and none of those that a minus excludes."""
    included = [tag for tag in wanted if not tag.startswith("-")]
    excluded = {tag[1:] for tag in wanted if tag.startswith("-")}
    return (not included or bool(set(tags).intersection(included))) and not excluded.intersection(tags)
