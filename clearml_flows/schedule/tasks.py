"""Tasks of scheduled runs, read from the backend."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.run import ending
from clearml_flows.run.snapshot import BROKEN, RUNNING, failure_of
from clearml_flows.schedule.engine import RunState
from clearml_flows.schedule.records import TAG
from clearml_flows.settings import Settings

NOT_ASKED_FOR = 10.0  # seconds without requests after a failure, so that ticks do not each wait for a timeout
FIELDS = ["id", "status", "tags", "last_update", "created", "status_message", "status_reason", "runtime"]
Answer = TypeVar("Answer")


class Tasks:
    """The engine's Backend.

    It connects at the first request, which may start the embedded backend.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api: Api | None = None
        self._away_until = 0.0
        self._why = ""

    def running(self) -> list[RunState]:
        """Return the Tasks that have not ended, after marking those whose process or worker died."""
        return self._ask(self._running)

    def find(self, key: str) -> RunState | None:
        """Return the Task of the run with this key (the last updated if there are several), or None."""
        found = self._ask(lambda api: _found(api, tags=[key]))
        return min(found, key=lambda seen: seen.silent, default=None)

    def stop(self, task: str, why: str) -> None:
        self._ask(lambda api: ending.stop(api, task, why))

    def discard(self, task: str) -> None:
        """Delete the Task. Raises Unreachable also if the Task was enqueued in the meantime."""
        self._ask(lambda api: api.call("tasks.delete", task=task))

    def _running(self, api: Api) -> list[RunState]:
        query = {"tags": [TAG], "status": sorted(RUNNING)}
        found = _found(api, **query)
        lost = [ending.settle(api, task.id, self._settings.agents.lost_after) for task in found]
        return _found(api, **query) if any(lost) else found

    def _ask(self, question: Callable[[Api], Answer]) -> Answer:
        if time.monotonic() < self._away_until:
            raise Unreachable(self._why)
        try:
            self._api = self._api or connect(self._settings).api
            return question(self._api)
        except FlowsError as away:
            self._api = None
            self._away_until, self._why = time.monotonic() + NOT_ASKED_FOR, str(away)
            raise Unreachable(self._why) from None


def _found(api: Api, **filters: Any) -> list[RunState]:
    query = {**filters, "type": ["controller"], "search_hidden": True, "only_fields": FIELDS}
    return [_seen(task, api.now()) for task in api.call("tasks.get_all", **query)["tasks"]]


def _seen(task: dict[str, Any], now: datetime) -> RunState:
    updated = datetime.fromisoformat(task.get("last_update") or task["created"])
    why = failure_of(task) if task["status"] in BROKEN else ""
    return RunState(task["id"], task["status"], tuple(task.get("tags") or ()), max(now - updated, timedelta()), why)
