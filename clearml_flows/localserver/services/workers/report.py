"""Reports of workers: registration, status and machine statistics."""

import time

from clearml_flows.localserver import errors, lifecycle, schema
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, now
from clearml_flows.localserver.services.workers.alive import TIMEOUT_SECONDS, heard_of
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.store.reports import Report
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json


@endpoint("workers.register", writes=True)
def register(call: Call) -> Json:
    timeout = call.data.get("timeout") or TIMEOUT_SECONDS
    if timeout < 0:
        raise errors.WorkerRegistrationFailed("invalid timeout", timeout=timeout, worker=call.data["worker"])
    queues = call.data.get("queues") or []
    missing = sorted(id for id in set(queues) if call.db.queues.get(id) is None)
    if missing:
        raise errors.InvalidQueueId(ids=missing)
    _note_resources(call, queues)
    worker = _new(call)
    worker |= {"queues": queues, "register_timeout": timeout}
    worker |= {name: call.data.get(name) or [] for name in ("tags", "system_tags")}
    _keep(call, worker)
    return {}


@endpoint("workers.unregister", writes=True)
def unregister(call: Call) -> Json:
    """Delete a worker. An unknown worker is not an error."""
    call.db.workers.delete(call.data["worker"])
    return {}


@endpoint("workers.status_report", writes=True)
def status_report(call: Call) -> Json:
    """Store the current status of a worker. An unknown worker is registered."""
    worker = _known(call) or _new(call)
    worker |= {name: call.data.get(name) or [] for name in ("tags", "system_tags")}
    worker |= {"queues": call.data.get("queues") or worker["queues"], "queue": call.data.get("queue")}
    _keep_measurements(call, worker)
    id = call.data.get("task")
    task = call.db.tasks.get(id) if id else None
    if id and task is None:
        _keep(call, worker)
        refused = errors.InvalidTaskId(id=id, company=COMPANY)
        # Keep the report although the call fails: the worker is alive even if its Task is gone.
        refused.keeps = True
        raise refused
    # A report without a Task clears the worker's Task.
    _keep(call, {**worker, "task": id, "last_report_time": now()})
    if task:
        task |= {"last_worker": worker["id"], "last_worker_report": now(), **changes(call)}
        task |= lifecycle.active(task, task["last_update"])
        call.db.tasks.save(task)
    return {}


def _keep_measurements(call: Call, worker: Document) -> None:
    """Store the machine statistics in the API schema. Zeros are dropped, like on ClearML Server."""
    known = schema.shape("machine stats", errors.ValidationError.subcode)
    stats = call.data.get("machine_stats") or {}
    measured = {name: value for name, value in stats.items() if known and name in known.fields and value}
    if measured:
        # Agents send milliseconds, although the SDK's schema says seconds.
        report = Report(worker["id"], int(call.data["timestamp"] // 1000), call.data.get("task"), measured)
        call.db.reports.add(report, int(time.time()))


def _note_resources(call: Call, queues: list[str]) -> None:
    if call.data.get("resources"):
        for document in filter(None, map(call.db.queues.get, queues)):
            call.db.queues.save({**document, "resources": call.data["resources"]})


def _known(call: Call) -> Document | None:
    worker = call.db.workers.get(call.data["worker"])
    return worker if worker and heard_of(worker, worker["register_timeout"]) else None


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
        return
    for other in list(call.db.workers.all(Selection())):
        if not heard_of(other, other["register_timeout"]):
            call.db.workers.delete(other["id"])
    call.db.workers.insert(worker)
