"""The backend as seen by the monitor.

It is never started here, and no answer ends the monitor.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from clearml_flows.backend import queues as preflight
from clearml_flows.backend.client import Api, Refused
from clearml_flows.backend.connection import Backend, connect, data_dir, is_embedded, use_embedded
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.localserver.state import read_state
from clearml_flows.monitor import reading
from clearml_flows.monitor.facts import facts_of
from clearml_flows.monitor.records import OPEN, MonitoredRun, Window
from clearml_flows.run import ending
from clearml_flows.run.document import page_of
from clearml_flows.run.history import own_projects
from clearml_flows.run.snapshot import BROKEN, RUNNING
from clearml_flows.settings import Settings

OVERLAP = timedelta(minutes=5)  # read again at each snapshot, since a change may become readable after its date
FARTHEST = timedelta(days=1)  # limit of the window of a later snapshot
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Snapshot:
    """A snapshot at `now`: the runs that changed and those under way, ordered by change."""

    now: datetime
    span: Window
    runs: tuple[MonitoredRun, ...]


class Watched:
    """Access to the backend. Each method raises Unreachable for no answer or an invalid one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend: Backend | None = None

    def asleep(self) -> bool:
        """Return whether the embedded backend is used and was never started or was stopped properly."""
        settings = self._settings
        return is_embedded(settings) and read_state(data_dir(settings)) is None

    def look(self, before: Window | None, is_known: Callable[[str, str, str], bool]) -> Snapshot:
        """Mark lost runs of this package, then take a snapshot.

        Args:
            before: the window of the last snapshot; None at the first.
            is_known: returns whether a run's id, status and time of the status are stored already.
        """
        return self._ask(lambda backend: self._look(backend, before, is_known))

    def settle(self, run: str) -> None:
        """Mark the steps that still seem to run after the end of their run."""
        self._ask(lambda backend: self._settle(backend.api, run))

    def unwatched(self, queues: Iterable[str]) -> dict[str, str]:
        """Return the names by id of those queues that no live agent watches."""
        return self._ask(lambda backend: _unwatched(backend, set(queues)))

    def facts(self, seen: MonitoredRun) -> Mapping[str, Any]:
        """Return the facts for the notification of a run that has ended."""
        return self._ask(lambda backend: facts_of(backend, seen))

    def has_task(self, tag: str) -> bool:
        """Return whether a run with this tag exists that did not complete."""
        status = sorted(RUNNING | BROKEN)
        asked = {"tags": [tag], "status": status, "search_hidden": True, "only_fields": ["id"], "page_size": 1}
        return self._ask(lambda backend: bool(backend.api.call("tasks.get_all", **asked)["tasks"]))

    def url(self, seen: MonitoredRun) -> str:
        """Return the web page of a run."""
        return self._ask(lambda backend: page_of(backend, seen.run.project, seen.id))

    def ask(self, question: Callable[[Backend], Answer], asleep: Answer) -> Answer:
        """Return the answer of `question`, or `asleep` if the embedded backend is not started.

        A FlowsError of the question itself is raised unchanged.
        """
        wrong: list[FlowsError] = []

        def guarded(backend: Backend) -> Answer:
            try:
                return question(backend)
            except (Unreachable, Refused):
                raise
            except FlowsError as error:
                wrong.append(error)
                return asleep

        answer = asleep if self.asleep() else self._ask(guarded)
        if wrong:
            raise wrong[0]
        return answer

    def close(self) -> None:
        if self._backend:
            self._backend.api.close()
        self._backend = None

    def _look(self, backend: Backend, before: Window | None, is_known: Callable[[str, str, str], bool]) -> Snapshot:
        api = backend.api
        own = set(own_projects(api, self._settings))
        now = api.now()
        opened = reading.under_way(api)
        lost = [self._settle(api, run) for run, task in opened.items() if _project(task) in own]
        if any(lost):
            opened = reading.under_way(api)
        span = (before or Window.back(now, self._settings.monitor.look_back)).at(now)
        changed = reading.changed_since(api, max(span.began, span.until - OVERLAP))
        # Advance the cursor without changes too, else runs older than the records would be reported again.
        last = max([span.until, now - FARTHEST, *map(reading.changed_at, changed.values())])
        new = [
            task
            for task in {**opened, **changed}.values()
            if task["status"] in OPEN or not is_known(task["id"], task["status"], task["status_changed"])
        ]
        new.sort(key=reading.changed_at)
        runs = tuple(reading.look_at(api, task, _project(task) in own) for task in new)
        return Snapshot(now, Window(span.began, min(last, now)), runs)

    def _settle(self, api: Api, run: str) -> list[ending.Lost]:
        try:
            return ending.settle(api, run, self._settings.agents.lost_after)
        except Refused:  # the run was deleted in the meantime
            return []

    def _ask(self, question: Callable[[Backend], Answer]) -> Answer:
        try:
            self._backend = self._backend or self._connect()
            return question(self._backend)
        except FlowsError as away:
            self.close()
            raise Unreachable(str(away)) from None
        except (LookupError, TypeError, ValueError, AttributeError) as odd:
            where = self._backend.api.url if self._backend else "the backend"
            self.close()
            raise Unreachable(
                f"{where} does not answer like a ClearML API ({type(odd).__name__}: {odd})"[:300]
            ) from odd

    def _connect(self) -> Backend:
        if not is_embedded(self._settings):
            return connect(self._settings)
        status = launcher.status(data_dir(self._settings))
        if not status.running:
            raise Unreachable(f"the embedded backend of {status.data_dir} is not running; `flows server up` starts it")
        return use_embedded(asdict(status), self._settings)


def _project(task: dict[str, Any]) -> str:
    return str((task.get("project") or {}).get("id") or "")


def _unwatched(backend: Backend, queues: set[str]) -> dict[str, str]:
    if not queues:
        return {}
    names = reading.names_of_queues(backend.api)
    return {
        queue: names.get(queue, "that is not there any more")
        for queue in queues
        if not preflight.watching(backend.api, queue)
    }
