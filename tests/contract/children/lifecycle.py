"""Through all that can be done with a task from outside: clone, queue, abort, fail, reset, publish, archive, delete."""

from typing import Any

import numpy as np
from clearml import StorageManager, Task
from clearml.backend_api.session.client import APIClient
from clearml.backend_api.session.client.client import APIError

from tests.contract.child import Document, tell

Codes = tuple[int, int] | None


def live(project: str) -> Document:
    client = APIClient()
    finished = done(project, "finished")
    return {
        "finished": [finished.get_status(), finished.data.completed >= finished.data.started],
        "clone": clone(finished, project),
        "queue": queue(client, project),
        "ends": ends(project),
        "refused": refused(client, project),
        "again": again(client, project),
        "reset": reset(project),
        "published": published(client, finished),
        "archived": archived(client, project),
        "deleted": deleted(project),
        "moved": moved(project),
        "imported": imported(finished),
    }


def new(project: str, name: str) -> Task:
    return Task.create(project_name=project, task_name=name, task_type="training")


def done(project: str, name: str) -> Task:
    """A completed task that has parameters, a scalar, a debug image and an artifact."""
    task = new(project, name)
    task.set_parameters({"General/rate": 0.5, "Args/epochs": 3})
    task.set_configuration_object("config", config_text="a = 1")
    task.set_comment("a comment")
    task.mark_started()
    logger = task.get_logger()
    logger.report_scalar("loss", "train", iteration=3, value=0.25)
    logger.report_image("image", "dot", iteration=0, image=np.full((2, 2, 3), 5, dtype=np.uint8))
    task.upload_artifact("data", {"a": 1}, wait_on_upload=True)
    task.flush(wait_for_uploads=True)
    task.mark_completed()
    task.reload()
    return task


def clone(source: Task, project: str) -> dict[str, Any]:
    made = Task.clone(source_task=source, name="a clone", comment="cloned", project=None)
    other = Task.clone(source_task=source.id, name="elsewhere", parent=made.id, project=source.get_project_id(project))
    made.set_parameter("General/rate", 0.75)
    return {
        "fields": [made.name, made.comment, made.get_status(), made.parent == source.id, made.get_project_name()],
        "parameters": made.get_parameters(),
        "source_parameters": Task.get_task(source.id).get_parameters(),
        "configuration": made.get_configuration_objects(),
        "empty": [dict(made.artifacts), made.get_reported_scalars(), made.get_last_iteration()],
        "second_parent": other.parent == made.id,
        "name": Task.clone(source_task=source).name,
    }


def queue(client: APIClient, project: str) -> dict[str, Any]:
    name = f"{project} queue"
    queue_id = client.queues.create(name=name).id
    first, second, third = (new(project, f"waiting {number}") for number in range(3))
    for task in (first, second, third):
        Task.enqueue(task, queue_name=name)
    told: dict[str, Any] = {
        "statuses": [status(task) for task in (first, second, third)],
        "waiting": Task.get_num_enqueued_tasks(queue_name=name),
        "executed_queue": Task.get_task(first.id).data.execution.queue == queue_id,
    }
    client.queues.move_task_to_front(queue=queue_id, task=third.id)
    told["order"] = [entry.task for entry in client.queues.get_by_id(queue=queue_id).entries] == [
        *(third.id, first.id, second.id)
    ]
    Task.dequeue(third)
    told["dequeued"] = [status(third), Task.get_num_enqueued_tasks(queue_id=queue_id)]
    taken = client.queues.get_next_task(queue=queue_id).entry.task
    told["taken"] = [taken == first.id, status(first), Task.get_num_enqueued_tasks(queue_id=queue_id)]
    first.mark_started(force=True)
    told["started"] = status(first)
    client.tasks.archive_many(ids=[second.id])
    told["archived"] = [status(second), Task.get_num_enqueued_tasks(queue_id=queue_id)]
    told["empty"] = client.queues.get_next_task(queue=queue_id).entry
    first.mark_completed()
    Task.enqueue(first, queue_id=queue_id, force=True)
    told["forced"] = [status(first), Task.get_num_enqueued_tasks(queue_id=queue_id)]
    return told


def ends(project: str) -> dict[str, Any]:
    aborted, failed, stopping = (new(project, name) for name in ("aborted", "failed", "asked to stop"))
    for task in (aborted, failed, stopping):
        task.mark_started()
    aborted.mark_stopped(status_message="no longer wanted")
    failed.mark_failed(status_reason="a reason", status_message="a message")
    stopping.mark_stopped(force=True)
    told = {task.name: [*described(task)] for task in (aborted, failed, stopping)}
    failed.mark_started(force=True)
    return {**told, "restarted": status(failed)}


def described(task: Task) -> list[Any]:
    task.reload()
    return [str(task.data.status), task.data.status_reason, task.data.status_message]


def refused(client: APIClient, project: str) -> dict[str, Codes]:
    """The code and subcode of what the server does not do."""
    draft, running, waiting = (new(project, name) for name in ("a draft", "a running one", "a waiting one"))
    completed, published = (new(project, name) for name in ("a completed one", "a published one"))
    for task in (running, completed, published):
        task.mark_started()
    for task in (completed, published):
        task.mark_completed()
    published.publish()
    client.tasks.enqueue(task=waiting.id, queue_name=f"{project} twice")
    return {
        "stop a completed one": code(lambda: client.tasks.stopped(task=completed.id)),
        "close a running one": code(lambda: client.tasks.close(task=running.id)),
        "reset a published one": code(lambda: client.tasks.reset(task=published.id)),
        "queue a waiting one": code(lambda: client.tasks.enqueue(task=waiting.id, queue_name=f"{project} twice")),
        "parameters of an unknown task": code(lambda: client.tasks.get_hyper_params(tasks=["0" * 32])),
        "unknown parent": code(lambda: client.tasks.create(name="abc", type="training", parent="0" * 32)),
        "complete a draft": code(lambda: client.tasks.completed(task=draft.id)),
        "publish a draft": code(lambda: client.tasks.publish(task=draft.id)),
        "edit a running one": code(lambda: client.tasks.edit(task=running.id, script={"diff": "x"})),
        "delete a running one": code(lambda: client.tasks.delete(task=running.id)),
        "queue a running one": code(lambda: client.tasks.enqueue(task=running.id)),
        "unknown task": code(lambda: client.tasks.get_by_id(task="0" * 32)),
        "log of an unknown task": code(lambda: client.events.get_task_log(task="0" * 32)),
        "scalars of an unknown task": code(lambda: client.events.scalar_metrics_iter_histogram(task="0" * 32)),
        "unknown queue": code(lambda: client.queues.get_by_id(queue="no such queue")),
        "unknown model": code(lambda: client.models.get_by_id(model="0" * 32)),
        "short name": code(lambda: client.tasks.create(name="ab", type="training")),
        "unknown field": code(lambda: client.tasks.get_all(only_fields=["no_such_field"])),
        "unknown project": code(lambda: client.tasks.create(name="abc", type="training", project="0" * 32)),
    }


def again(client: APIClient, project: str) -> dict[str, Any]:
    """Tasks that are done with once more."""
    failed, draft, completed, published = (
        new(project, name) for name in ("fails", "drafted", "completes", "publishes")
    )
    for task in (failed, completed, published):
        task.mark_started()
    failed.mark_failed(force=True)
    Task.enqueue(failed, queue_id=client.queues.create(name=f"{project} again").id)
    told: dict[str, Any] = {"failed": [status(failed)]}
    Task.dequeue(failed)
    told["failed"].append(status(failed))
    Task.dequeue(draft)
    told["draft"] = status(draft)
    completed.mark_completed()
    completed.mark_stopped()
    told["completed"] = status(completed)
    client.tasks.publish(task=published.id, force=True)
    published.reset(force=True)
    told["published"] = status(published)
    return told


def reset(project: str) -> dict[str, Any]:
    task = done(project, "to be reset")
    task.reset(force=True)
    again = Task.get_task(task.id)
    return {
        "status": [again.get_status(), again.data.started, again.data.completed],
        "kept": [again.get_parameters(), again.comment],
        "empty": [dict(again.artifacts), again.get_reported_scalars(), again.get_last_iteration()],
    }


def published(client: APIClient, task: Task) -> dict[str, Any]:
    task.publish()
    told = {"status": status(task), "edit": code(lambda: client.tasks.edit(task=task.id, name="another name"))}
    automatic = new(task.get_project_name(), "published by itself")
    automatic.publish_on_completion()
    automatic.mark_started()
    automatic.mark_completed()
    return {**told, "by_itself": status(automatic)}


def archived(client: APIClient, project: str) -> dict[str, Any]:
    task = new(project, "to be archived")
    task.set_archived(True)
    in_archive = Task.get_task(task.id).get_archived()
    hidden = Task.get_tasks(project_name=project, task_name="^to be archived$", allow_archived=False)
    shown = Task.get_tasks(project_name=project, task_name="^to be archived$")
    client.tasks.unarchive_many(ids=[task.id])
    return {"archived": in_archive, "found": [len(hidden), len(shown)], "back": Task.get_task(task.id).get_archived()}


def deleted(project: str) -> dict[str, Any]:
    task = done(project, "to be deleted")
    child = Task.clone(source_task=task, name="left behind", parent=task.id)
    links = [task.artifacts["data"].url, task.get_debug_samples("image", "dot")[0]["url"]]
    before = [StorageManager.exists_file(link) for link in links]
    result = task.delete(raise_on_error=True)
    return {
        "result": bool(result),
        "files": [before, [StorageManager.exists_file(link) for link in links]],
        "found": len(Task.query_tasks(project_name=project, task_name="^to be deleted$")),
        "parent": Task.get_task(child.id).data.parent == f"__DELETED__{task.id}",
    }


def moved(project: str) -> list[str]:
    task = new(project, "to be moved")
    task.move_to_project(new_project_name=f"{project}/moved here")
    task.rename("has a new name")
    again = Task.get_task(task.id)
    return [again.get_project_name(), again.name]


def imported(task: Task) -> dict[str, Any]:
    made = Task.import_task(task.export_task())
    return {"same": made.id == task.id, "parameters": made.get_parameters(), "status": status(made)}


def status(task: Task) -> str:
    return str(Task.get_task(task_id=task.id).get_status())


def code(call: Any) -> Codes:
    try:
        call()
    except APIError as error:
        return int(error.code), int(error.subcode)
    return None


tell(live)
