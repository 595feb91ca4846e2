"""What agents tell about themselves."""

import time

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services.common import now
from localserver.services.workers.alive import TIMEOUT_SECONDS
from localserver.store.documents import Document
from localserver.store.reports import Report
from localserver.tokens import COMPANY
from localserver.wire import Json


@endpoint("workers.register", required=("worker",), writes=True)
def register(call: Call) -> Json:
    timeout = call.data.get("timeout") or TIMEOUT_SECONDS
    worker = _new(call)
    worker |= {"queues": call.data.get("queues") or [], "register_timeout": timeout}
    worker |= {name: call.data.get(name) or [] for name in ("tags", "system_tags")}
    _keep(call, worker)
    return {}


@endpoint("workers.unregister", required=("worker",), writes=True)
def unregister(call: Call) -> Json:
    if not call.db.workers.delete(call.data["worker"]):
        raise errors.InvalidWorkerId(worker=call.data["worker"])
    return {}


@endpoint("workers.status_report", required=("worker", "timestamp"), fields={"machine_stats": "dict"}, writes=True)
def status_report(call: Call) -> Json:
    """What a worker does now; one that nobody knew is registered by it."""
    worker = call.db.workers.get(call.data["worker"]) or _new(call)
    worker |= {name: call.data[name] for name in ("queues", "tags", "system_tags") if call.data.get(name) is not None}
    # No Task and no queue means that it runs none.
    worker |= {name: call.data.get(name) for name in ("task", "queue")}
    # The time is ours: agents send theirs in milliseconds, where the SDK's schema says seconds.
    stats = call.data.get("machine_stats") or {}
    call.db.reports.add(Report(worker["id"], int(time.time()), call.data.get("task"), stats))
    worker["last_report_time"] = now()
    _keep(call, worker)
    task = call.db.tasks.get(call.data["task"]) if call.data.get("task") else None
    if task:
        task |= {"last_worker": worker["id"], "last_worker_report": now(), "last_update": now()}
        call.db.tasks.save(task)
    return {}


def _new(call: Call) -> Document:
    name = call.data["worker"]
    return {
        "id": name,
        "key": f"worker_{COMPANY}_{call.user}_{name}",
        "company": COMPANY,
        "user": call.user,
        "ip": "127.0.0.1",
        "tags": [],
        "system_tags": [],
        "queues": [],
        "register_time": now(),
        "register_timeout": TIMEOUT_SECONDS,
    }


def _keep(call: Call, worker: Document) -> None:
    worker["last_activity_time"] = now()
    if call.db.workers.get(worker["id"]):
        call.db.workers.save(worker)
    else:
        call.db.workers.insert(worker)
