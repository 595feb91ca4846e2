"""Models, queues and workers by requests: what publishing, deleting, clearing and counting do, and their refusals."""

import time
from typing import Any

from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell


class Api:
    """Requests that the SDK's classes do not have."""

    def __init__(self) -> None:
        self.session = APIClient().session

    def __call__(self, endpoint: str, _version: str = "2.23", /, **data: Any) -> Any:
        """The data of a good answer, or the code and the subcode of a refusal."""
        service, _, action = endpoint.partition(".")
        answer = self.session.send_request(service, action, json=data, version=_version).json()
        meta = answer["meta"]
        return answer["data"] if meta["result_code"] == 200 else [meta["result_code"], meta["result_subcode"]]


def run(project: str) -> Document:
    api = Api()
    home = api("projects.create", name=project)["id"]
    return {"models": models(api, home), "queues": queues(api, project, home), "workers": workers(api, project, home)}


def task(api: Api, home: str, *actions: str) -> str:
    made = str(api("tasks.create", name="a task", type="training", project=home)["id"])
    for action in actions:
        api(f"tasks.{action}", task=made)
    return made


def output(api: Api, owner: str, home: str) -> str:
    model = str(api("models.create", name="made", uri="http://x/m", ready=False, task=owner, project=home)["id"])
    api("tasks.add_or_update_model", task=owner, name="out", type="output", model=model)
    return model


def models(api: Api, home: str) -> dict[str, Any]:
    running, stopped = task(api, home, "started"), task(api, home, "started")
    of_running, of_stopped = output(api, running, home), output(api, stopped, home)
    api("tasks.stopped", task=stopped)
    other = api("models.create", name="other", uri="http://x/o", labels={"a": 1, "b": 2}, project=home)["id"]
    api("tasks.add_or_update_model", task=running, name="in", type="input", model=other)

    def outputs(owner: str, model: str) -> list[str]:
        items = api("tasks.get_all", id=[owner], only_fields=["models"])["tasks"][0]["models"]["output"]
        return [item["model"].replace(model, "it") for item in items]

    told: dict[str, Any] = {
        "publish while the task runs": api("models.set_ready", model=of_running),
        "publish takes the task along": api("models.set_ready", model=of_stopped)["published_task"]["data"]["updated"],
        "publish again": api("models.set_ready", model=of_stopped),
        "delete a used one": api("models.delete", model=other),
        "delete of a published task": api("models.delete", model=of_stopped),
        "metadata as a list": api("models.create", name="abc", uri="x", metadata=[])[0:1],
        "labels": [
            found["stats"]
            for found in api("models.get_all_ex", id=[other], include_stats=True, only_fields=["id"])["models"]
        ],
        "update_for_task of today": api("models.update_for_task", task=running, uri="http://x/n"),
        "update_for_task once": api("models.update_for_task", "2.9", task=running, uri="http://x/n")["created"],
    }
    api("models.delete", model=of_running)
    told["left after a deletion"] = outputs(running, of_running)
    api("models.delete", model=of_stopped, force=True)
    return {**told, "mark of a deletion": outputs(stopped, of_stopped)}


def queues(api: Api, project: str, home: str) -> dict[str, Any]:
    item = {"key": "a.b", "type": "int", "value": "1"}
    queue = api("queues.create", name=f"{project} stock", display_name="Shown", metadata={"a.b": item})["id"]
    hidden = api("queues.create", name=f"{project} glue", system_tags=["k8s-glue"])["id"]
    first, second, third = (task(api, home) for _ in range(3))
    for waiting in (first, second, third):
        api("tasks.enqueue", task=waiting, queue=queue)
    api("queues.remove_task", queue=queue, task=second, update_task_status=True)
    taken = api("queues.get_next_task", queue=queue, task=third)
    removed = api("queues.clear_queue", queue=queue)["removed_tasks"]
    time.sleep(1.5)
    now = time.time()
    dates: dict[str, Any] = {"from_date": now - 60, "to_date": now + 60, "interval": 86_400}
    (of_queue,) = api("queues.get_queue_metrics", queue_ids=[queue], **dates)["queues"]
    (document,) = api("queues.get_all_ex", id=[queue])["queues"]
    statuses = {found["status"] for found in api("tasks.get_all", id=[first, second, third])["tasks"]}
    return {
        "shown": [document["display_name"], document["metadata"], document["entries"]],
        "taken by name": taken,
        "cleared": sorted(removed) == sorted([first, third]),
        "statuses": sorted(statuses),
        "longest": of_queue["queue_lengths"],
        "hidden": hidden in {found["id"] for found in api("queues.get_all_ex")["queues"]},
        "asked for": hidden in {found["id"] for found in api("queues.get_all_ex", search_hidden=True)["queues"]},
        "not queued": api("queues.remove_task", queue=queue, task=first),
        "empty": api("queues.peek_task", queue=queue),
    }


def workers(api: Api, project: str, home: str) -> dict[str, Any]:
    name = project.replace("/", "-")
    now = int(time.time())
    api("workers.register", worker=f"{name}:short", timeout=1, tags=[name])
    for number, measured in enumerate(({"cpu_usage": [10, 20], "memory_used": 50}, {"gpu_usage": [40, 60]})):
        api(
            "workers.status_report",
            worker=f"{name}:{number}",
            timestamp=now * 1000,
            machine_stats=measured,
            tags=[name],
        )
    time.sleep(1.5)
    both: dict[str, Any] = {"worker_ids": [f"{name}:0", f"{name}:1"]}
    items = [
        {"key": "cpu_usage"},
        {"key": "cpu_usage", "aggregation": "max"},
        {"key": "gpu_usage", "aggregation": "min"},
    ]
    stats = api("workers.get_stats", **both, items=items, from_date=now - 80, to_date=now + 80, interval=1)["workers"]
    keys = api("workers.get_metric_keys", **both)["categories"]
    return {
        "alive": sorted(found["id"].removeprefix(name) for found in api("workers.get_all", tags=[name])["workers"]),
        "without": api("workers.get_count", tags=[name, f"-{name}"]),
        "categories": {category["name"]: category["metric_keys"] for category in keys},
        "stats": {
            f"{worker['worker'].removeprefix(name)} {metric['metric']} {stat['aggregation']}": sum(stat["values"])
            for worker in stats
            for metric in worker["metrics"]
            for stat in metric["stats"]
        },
        "no statistics": api("workers.get_metric_keys", worker_ids=["nobody"]),
        "a task that is gone": api("workers.status_report", worker=f"{name}:0", timestamp=1, task="gone"),
        "a queue that is gone": api("workers.register", worker=f"{name}:0", queues=["gone"]),
    }


tell(run)
