"""Status of runs of any pipeline, for the command line and Python."""

from collections.abc import Iterator
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect, data_dir
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput
from clearml_flows.monitor import reading
from clearml_flows.monitor.heartbeat import watcher
from clearml_flows.monitor.reading import FIELDS, PIPELINES, Task
from clearml_flows.monitor.records import MonitoredRun, document
from clearml_flows.run import ending
from clearml_flows.run.document import page_of
from clearml_flows.run.history import own_projects
from clearml_flows.run.snapshot import BROKEN
from clearml_flows.settings import Settings, load


def run_status(run_id: str = "") -> dict[str, Any]:
    """Return the current status of a run of any pipeline, and whether a monitor watches.

    Args:
        run_id: the id or its beginning; empty: the run that was created last.

    Returns:
        `{run_id, name, flow, status, started, seconds, steps: [{name, task_id, status, started, seconds, message}],
        own, message, url, watcher: {alive, pid, at, looked}}`, times in UTC.

    Raises:
        BadInput: there is no such run, or more than one.
        Unreachable: no backend answers.
    """
    settings = load()
    return RunReader(settings, connect(settings)).status(run_id)


def list_statuses(last: int = 20) -> list[dict[str, Any]]:
    """Return the last runs of all pipelines, the newest first.

    Each is as of `run_status`, without `watcher`.

    Raises:
        Unreachable: no backend answers.
    """
    settings = load()
    asked = RunReader(settings, connect(settings))
    return [asked.told(seen) for seen in asked.last(last)]


class RunReader:
    """Reads runs from one backend."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self._settings, self._backend = settings, backend
        self._own = set(own_projects(backend.api, settings))

    @property
    def _api(self) -> Api:
        return self._backend.api

    def status(self, typed: str) -> dict[str, Any]:
        seen = self._settled(self._find(typed))
        return {**self.told(seen), "watcher": watcher(data_dir(self._settings))}

    def last(self, count: int) -> Iterator[MonitoredRun]:
        query = {**PIPELINES, "order_by": ["-created"], "page": 0, "page_size": count, "only_fields": FIELDS}
        for task in self._api.call("tasks.get_all_ex", **query)["tasks"]:
            yield self._settled(task)

    def told(self, seen: MonitoredRun) -> dict[str, Any]:
        ended_badly = seen.run.status in BROKEN
        written = document(seen)
        messages = [step.message if step.status in BROKEN else None for step in seen.run.steps]
        return {
            **written,
            "steps": [{**step, "message": said} for step, said in zip(written["steps"], messages, strict=True)],
            "own": seen.own,
            "message": seen.run.message if ended_badly else None,
            "url": page_of(self._backend, seen.run.project, seen.id),
        }

    def _find(self, typed: str) -> Task:
        if typed:
            filters = {name: value for name, value in PIPELINES.items() if name != "search_hidden"}
            return find_by_id(self._api, "tasks", typed, "run", FIELDS, **filters)
        query = {**PIPELINES, "order_by": ["-created"], "page": 0, "page_size": 1, "only_fields": FIELDS}
        found = self._api.call("tasks.get_all_ex", **query)["tasks"]
        if not found:
            raise BadInput("no pipeline has run yet; `flows run churn` runs one")
        return dict(found[0])

    def _settled(self, task: Task) -> MonitoredRun:
        """Return the run after marking its lost steps, if it is one of this package's."""
        seen = self._look(task)
        if seen.own and seen.is_open and ending.settle(self._api, seen.id, self._settings.agents.lost_after):
            found = self._api.call("tasks.get_all_ex", id=[seen.id], search_hidden=True, only_fields=FIELDS)["tasks"]
            return self._look(found[0])
        return seen

    def _look(self, task: Task) -> MonitoredRun:
        return reading.look_at(self._api, task, (task.get("project") or {}).get("id") in self._own)
