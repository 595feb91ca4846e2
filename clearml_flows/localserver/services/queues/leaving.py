"""Reset Tasks that were removed from a queue to their status before enqueueing."""

from collections.abc import Iterable

from clearml_flows.localserver import lifecycle
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.tasks.status import change


def leave(call: Call, queue: str, tasks: Iterable[str], reason: str) -> list[str]:
    """Reset the Tasks whose execution queue is `queue`, and return their ids.

    The caller must remove the queue entries.
    """
    return [task for task in tasks if _set_back(call, queue, task, reason)]


def _set_back(call: Call, queue: str, id: str, reason: str) -> bool:
    document = call.db.tasks.get(id)
    if document is None or document["execution"].get("queue") != queue:
        return False
    document["execution"] = {name: value for name, value in document["execution"].items() if name != "queue"}
    request = call.asking({"status_reason": reason})
    change(request, document, document.get("enqueue_status") or lifecycle.CREATED, {"enqueue_status": None}, force=True)
    return True
