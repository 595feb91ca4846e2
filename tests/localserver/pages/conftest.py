import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from clearml_flows.localserver.pages.app import pages_app
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store.database import Store, open_store
from clearml_flows.localserver.store.events import SCALAR, SINGLE_VALUE_ITERATION, Event

FILES_URL = "http://127.0.0.1:8901"
_numbers = itertools.count()


class Records:
    """Writes documents and events as clients leave them in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def task(self, task_id: str, **values: Any) -> str:
        document = {
            "id": task_id,
            "name": task_id,
            "type": "training",
            "status": "completed",
            "project": "p1",
            "created": "2026-01-02T03:04:05.000000+00:00",
            "started": "2026-01-02T03:04:05.000000+00:00",
            "completed": "2026-01-02T03:05:05.000000+00:00",
            "last_update": f"2026-01-02T03:04:05.{next(_numbers):06}+00:00",
            "tags": [],
            "system_tags": [],
            **values,
        }
        with self.store.write() as db:
            db.tasks.insert(document)
        return task_id

    def project(self, project_id: str, name: str) -> None:
        with self.store.write() as db:
            db.projects.insert({"id": project_id, "name": name, "basename": name, "tags": [], "system_tags": []})

    def model(self, model_id: str, **values: Any) -> None:
        with self.store.write() as db:
            db.models.insert(
                {"id": model_id, "name": model_id, "project": "p1", "tags": [], "system_tags": [], **values}
            )

    def event(self, task: str, kind: str, metric: str = "", variant: str = "", iteration: int = 0, **body: Any) -> None:
        value = body.get("value")
        document = {"task": task, "type": kind, "metric": metric, "variant": variant, "iter": iteration, **body}
        key = str(next(_numbers)) if kind == "log" else ""
        timestamp = 1_767_323_045_000 + next(_numbers)
        document["timestamp"] = timestamp
        with self.store.write() as db:
            db.events.add([Event(task, kind, metric, variant, iteration, timestamp, value, key, document)])

    def scalar(self, task: str, metric: str, variant: str, values: list[float]) -> None:
        for iteration, value in enumerate(values):
            self.event(task, SCALAR, metric, variant, iteration, value=value)

    def single(self, task: str, name: str, value: float) -> None:
        self.event(task, SCALAR, "Summary", name, SINGLE_VALUE_ITERATION, value=value)

    def plot(self, task: str, metric: str, variant: str, figure: Any) -> None:
        self.event(task, "plot", metric, variant, plot_str=figure if isinstance(figure, str) else json.dumps(figure))

    def log(self, task: str, line: str) -> None:
        self.event(task, "log", msg=line)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "backend.sqlite")
    yield store
    store.close()


@pytest.fixture
def records(store: Store) -> Records:
    return Records(store)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files", tmp_path / "incoming")


@pytest.fixture
def client(store: Store, storage: Storage) -> TestClient:
    return TestClient(pages_app(store, storage, FILES_URL))
