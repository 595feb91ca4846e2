"""A model registry in memory that answers as ClearML's API does, as far as promotions need it, and can break off."""

import json
from types import SimpleNamespace
from typing import Any

from clearml.backend_api.session.client import APIError


class Duplicate(APIError):  # type: ignore[misc]  # the SDK has no annotations
    """The server's answer to a name that is taken."""

    def __init__(self) -> None:
        self.codes = (400, 801)


class FakeRegistry:
    """`tags` of each model, newest first, are what tests look at; after `changes` of them, the backend is gone."""

    def __init__(self, tags: dict[str, list[str]], changes: int = 1000) -> None:
        self.tags, self.changes = tags, changes
        self.metadata: dict[str, dict[str, Any]] = {name: {} for name in tags}
        self.locks: dict[str, Any] = {}
        self.seen: list[list[str]] = []
        self.models = SimpleNamespace(
            get_all=self.get_all, edit=self.edit, add_or_update_metadata=self.add_or_update_metadata
        )
        self.queues = SimpleNamespace(create=self.create_queue, delete=self.delete_queue, get_all=self.get_queues)

    def get_all(self, **_query: Any) -> list[Any]:
        return [self.entry(name) for name in self.tags]

    def entry(self, name: str) -> Any:
        data = SimpleNamespace(tags=list(self.tags[name]), metadata=dict(self.metadata[name]))
        return SimpleNamespace(id=name, name="churn", project="p1", data=data)

    def edit(self, model: str, tags: list[str]) -> None:
        self._change()
        self.tags[model] = tags
        self.seen.append([name for name in self.tags if "production" in self.tags[name]])

    def add_or_update_metadata(self, model: str, metadata: list[dict[str, str]]) -> None:
        self._change()
        self.metadata[model] |= {item["key"]: item for item in metadata}

    def create_queue(self, name: str, tags: list[str]) -> Any:
        if name in self.locks:
            raise Duplicate
        self.locks[name] = SimpleNamespace(id=f"queue {len(self.seen)} {tags[0]}", data=SimpleNamespace(tags=tags))
        return self.locks[name]

    def delete_queue(self, queue: str) -> None:
        self.locks = {name: one for name, one in self.locks.items() if one.id != queue}

    def get_queues(self, **_query: Any) -> list[Any]:
        return list(self.locks.values())

    def records(self) -> list[dict[str, Any]]:
        items = [item for kept in self.metadata.values() for item in kept.values()]
        return sorted((json.loads(item["value"]) for item in items), key=lambda record: int(record["number"]))

    def _change(self) -> None:
        if not self.changes:
            raise ConnectionError("the backend is gone")
        self.changes -= 1
