"""Projects, queues and workers through ClearML's API client, as its command line and agents use them."""

import time
from typing import Any

from clearml import Task
from clearml.backend_api.session.client import APIClient
from clearml.backend_api.session.client.client import APIError

from tests.contract.child import Document, tell


def run(project: str) -> Document:
    client = APIClient()
    return {
        "projects": projects(client, project),
        "queues": queues(client, project),
        "workers": workers(client, project),
    }


def projects(client: APIClient, project: str) -> dict[str, Any]:
    deep = client.projects.create(name=f"{project}/one/two/three", description="deep", tags=["t"]).id
    client.projects.create(name=f"{project}/other")
    Task.create(project_name=f"{project}/one/two/three", task_name="in the deep one")

    def found(pattern: str, **filters: Any) -> list[str]:
        return sorted(one.name.removeprefix(project) for one in client.projects.get_all(name=pattern, **filters))

    made = client.projects.get_by_id(project=deep).data
    told: dict[str, Any] = {
        "created": found(f"^{project}(/|$)"),
        "fields": [made.basename, made.description, made.tags, made.created.tzinfo is not None],
        "one level": found(f"^{project}/[a-z]+$"),
        "basename": found(f"^{project}/", basename="three"),
        "again": code(lambda: client.projects.create(name=f"{project}/other")),
        "short": code(lambda: client.projects.create(name=f"{project}/ab")),
        "not empty": code(lambda: client.projects.delete(project=deep)),
        "id": Task.get_project_id(f"{project}/one/two/three") == deep,
        "of task": Task.get_task(
            project_name=f"{project}/one/two/three", task_name="in the deep one"
        ).get_project_name()
        == f"{project}/one/two/three",
    }
    one = Task.get_project_id(f"{project}/one")
    client.projects.update(project=one, name=f"{project}/renamed", description="now")
    told["renamed"] = found(f"^{project}/")
    client.projects.move(project=Task.get_project_id(f"{project}/renamed/two"), new_location=f"{project}/other")
    told["moved"] = found(f"^{project}/")
    client.projects.delete(project=Task.get_project_id(f"{project}/other"), delete_contents=True, force=True)
    told["deleted"] = found(f"^{project}/")
    told["tasks left"] = len(client.tasks.get_all(name="^in the deep one$", project=[deep]))
    return told


def queues(client: APIClient, project: str) -> dict[str, Any]:
    name = f"{project} first"
    queue = client.queues.create(name=name, tags=["cpu"]).id
    client.queues.create(name=f"{project} second", tags=["gpu"])

    def found(**filters: Any) -> list[str]:
        return sorted(one.name.removeprefix(project) for one in client.queues.get_all(**filters))

    told: dict[str, Any] = {
        "all": found(name=f"^{project} "),
        "exact": found(name=f"^{name}$"),
        "tag": found(name=f"^{project} ", tags=["gpu"]),
        "without": found(name=f"^{project} ", tags=["-gpu"]),
        "id": found(id=[queue]),
        "again": code(lambda: client.queues.create(name=name)),
    }
    client.queues.update(queue=queue, name=f"{name} renamed", tags=["both"])
    renamed = client.queues.get_by_id(queue=queue).data
    told["renamed"] = [renamed.name.removeprefix(project), renamed.tags, len(renamed.entries)]
    task = Task.create(project_name=project, task_name="in a queue")
    Task.enqueue(task, queue_id=queue)
    told["not empty"] = code(lambda: client.queues.delete(queue=queue))
    client.queues.delete(queue=queue, force=True)
    return {**told, "deleted": found(name=f"^{project} ")}


def workers(client: APIClient, project: str) -> dict[str, Any]:
    """A worker that registers, reports a task that it runs, and goes."""
    queue = client.queues.create(name=f"{project} watched").id
    worker = f"{project.replace('/', '-')}:0"
    task = Task.create(project_name=project, task_name="on a worker")
    client.workers.register(worker=worker, queues=[queue], timeout=60)

    def mine() -> list[Any]:
        return [one for one in client.workers.get_all(last_seen=600) if one.id == worker]

    idle = mine()
    report = {"cpu_usage": [12.5], "memory_used": 100.0}
    now = int(time.time() * 1000)
    client.workers.status_report(worker=worker, timestamp=now, task=task.id, queues=[queue], machine_stats=report)
    busy = mine()
    client.workers.unregister(worker=worker)
    return {
        "idle": [len(idle), [entry.id == queue for entry in idle[0].queues], idle[0].task],
        "busy": [len(busy), busy[0].task.id == task.id],
        "gone": len(mine()),
    }


def code(call: Any) -> tuple[int, int] | None:
    try:
        call()
    except APIError as error:
        return int(error.code), int(error.subcode)
    return None


tell(run)
