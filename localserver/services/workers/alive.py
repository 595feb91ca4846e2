"""Which workers there are: those that were heard of lately."""

from datetime import UTC, datetime, timedelta

from localserver.registry import Call
from localserver.store.documents import Document
from localserver.store.query import Selection

TIMEOUT_SECONDS = 600


def alive(call: Call, seconds: int | None = None) -> list[Document]:
    """Those heard of within `seconds`, or each within the time that it registered for."""
    return [worker for worker in call.db.workers.all(Selection()) if _heard_of(worker, seconds)]


def _heard_of(worker: Document, seconds: int | None) -> bool:
    limit = seconds or worker.get("register_timeout") or TIMEOUT_SECONDS
    return datetime.fromisoformat(worker["last_activity_time"]) > datetime.now(UTC) - timedelta(seconds=limit)


def runs(call: Call, task: str) -> bool:
    """Whether a live worker says that it runs a Task."""
    return any(worker.get("task") == task for worker in alive(call))
