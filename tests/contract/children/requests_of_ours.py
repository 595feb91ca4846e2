"""Send each request of tests/contract/requests.json, and tell what was refused and with which code.

`$created`, `$in_progress`, `$queued`, `$completed` and `$published` are a new Task of that status each time, `$model`,
`$queue` and `$name` likewise new ones.
"""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from clearml import Task
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell

LIST = Path(__file__).parents[1] / "requests.json"


class Sender:
    def __init__(self, project: str) -> None:
        self.client, self.project = APIClient(), project
        self.session = self.client.session
        self.files = str(self.session.get_files_server_host())
        self.home = Task.get_project_id(project) or self.client.projects.create(name=project, description="").id

    def plain(self, endpoint: str, body: Document) -> list[Any]:
        """As `clearml_flows.backend.client` sends: without a version. The answer's code, subcode and message."""
        headers = {"Authorization": f"Bearer {self.session.token}"}
        if endpoint == "auth.login":
            return [200, 0, ""]  # sent for the token
        host = self.session.get_api_server_host()
        return self._told(requests.post(f"{host}/{endpoint}", json=self.filled(body), headers=headers, timeout=60))

    def sdk(self, endpoint: str, body: Document) -> list[Any]:
        """As the SDK's session sends: with the version that it speaks."""
        filled = self.filled(body)
        service, action = endpoint.split(".")
        if "_lines" not in filled:
            return self._told(self.session.send_request(service, action, json=filled))
        lines, kind = "\n".join(map(json.dumps, filled["_lines"])), {"Content-Type": "application/json-lines"}
        return self._told(self.session.send_request(service, action, data=lines, headers=kind))

    def filled(self, body: Any) -> Any:
        text = re.sub(r"\$([a-z_]{4,})", lambda found: self._value(found[1]), json.dumps(body))
        return json.loads(text)

    def _value(self, name: str) -> str:
        known: dict[str, Callable[[], str]] = {
            "project": lambda: self.home,
            "project_name": lambda: self.project,
            "files": lambda: self.files,
            "url": lambda: f"{self.files}/{uuid.uuid4().hex}",
            "name": self._name,
            "worker": self._worker,
            "queue": self._queue,
            "model": lambda: self.client.models.create(name=self._name(), uri=self.files, project=self.home).id,
        }
        return known[name]() if name in known else self._task(name)

    def _name(self) -> str:
        return f"{self.project.split('/')[0]}-{uuid.uuid4().hex[:12]}"

    def _queue(self) -> str:
        return str(self.client.queues.create(name=self._name()).id)

    def _worker(self) -> str:
        name = self._name()
        self.client.workers.register(worker=name, timeout=60)
        return name

    def _task(self, status: str) -> str:
        tasks = self.client.tasks
        task = str(tasks.create(name=self._name(), type="training", project=self.home).id)
        if status == "queued":
            tasks.enqueue(task=task, queue=self._queue())
        elif status != "created":
            tasks.started(task=task)
            for step in ("completed", "publish")[: {"completed": 1, "published": 2}.get(status, 0)]:
                getattr(tasks, step)(task=task)
        return task

    def _told(self, answer: Any) -> list[Any]:
        meta = answer.json()["meta"]
        return [meta["result_code"], meta["result_subcode"], meta["result_msg"]]


def send(project: str) -> Document:
    sender, known = Sender(project), json.loads(LIST.read_text("utf-8"))
    told = {
        kind: [[endpoint, *getattr(sender, kind)(endpoint, body)] for endpoint, body in known[kind]]
        for kind in ("plain", "sdk")
    }
    old = [[endpoint, *sender.plain(endpoint, body)[:2]] for endpoint, body, _ in known["refused"]]
    return {"sent": sum(map(len, told.values())), "refused": _bad(told), "old": old}


def _bad(told: dict[str, list[list[Any]]]) -> list[list[Any]]:
    return [[kind, *one] for kind, answers in told.items() for one in answers if one[1] != requests.codes.ok]


tell(send)
