"""Tasks whose queue is gone, emptied or left on request: they are what they were before they were enqueued."""

from collections.abc import Iterable

from localserver import lifecycle
from localserver.registry import Call
from localserver.services.tasks.status import change


def leave(call: Call, queue: str, tasks: Iterable[str], reason: str) -> list[str]:
    """Set the Tasks that say they are in `queue` back; their ids. The entries are the caller's to remove."""
    return [task for task in tasks if _set_back(call, queue, task, reason)]


def _set_back(call: Call, queue: str, id: str, reason: str) -> bool:
    document = call.db.tasks.get(id)
    if document is None or document["execution"].get("queue") != queue:
        return False
    document["execution"] = {name: value for name, value in document["execution"].items() if name != "queue"}
    request = call.asking({"status_reason": reason})
    change(request, document, document.get("enqueue_status") or lifecycle.CREATED, {"enqueue_status": None}, force=True)
    return True
