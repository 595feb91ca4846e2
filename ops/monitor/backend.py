"""The backend as the monitor sees it: never started for being looked at; whatever it answers ends no monitor."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flows import ending, preflight
from flows.api import Api, Refused
from flows.backend import Backend, connect, data_dir, is_embedded, use_embedded
from flows.document import page_of
from flows.errors import FlowsError, Unreachable
from flows.settings import Settings
from flows.watch import BROKEN, RUNNING
from localserver import launcher
from localserver.state import read_state
from ops.monitor import reading
from ops.monitor.facts import facts_of
from ops.monitor.records import OPEN, Seen, Span
from ops.runs import own_projects

OVERLAP = timedelta(minutes=5)  # looked at again each time, since a change may be dated before it is there to be read
FARTHEST = timedelta(days=1)  # that a look begins before now, once there was one
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Sight:
    """What a look saw at `now`: the runs that changed, and those under way, in the order of their changes."""

    now: datetime
    span: Span
    runs: tuple[Seen, ...]


class Watched:
    """Every method raises Unreachable when the backend does not answer, or answers what is no answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend: Backend | None = None

    def asleep(self) -> bool:
        """Whether it is the embedded one, and was never started or ended as it should: nothing is to be seen then."""
        settings = self._settings
        return is_embedded(settings) and read_state(data_dir(settings)) is None

    def look(self, before: Span | None, is_known: Callable[[str, str, str], bool]) -> Sight:
        """Mark what was lost of our runs, then see.

        Args:
            before: what was looked at before; None at the first look.
            is_known: of a run's id, status and the time of that, whether it is known.
        """
        return self._ask(lambda backend: self._look(backend, before, is_known))

    def settle(self, run: str) -> None:
        """Mark what outlived a run that has ended."""
        self._ask(lambda backend: self._settle(backend.api, run))

    def unwatched(self, queues: Iterable[str]) -> dict[str, str]:
        """Those of the queues that no live agent watches: names by id."""
        return self._ask(lambda backend: _unwatched(backend, set(queues)))

    def facts(self, seen: Seen) -> Mapping[str, Any]:
        """What a message about a run that has ended says."""
        return self._ask(lambda backend: facts_of(backend, seen))

    def has_task(self, tag: str) -> bool:
        """Whether there is a run with this tag that did not complete."""
        status = sorted(RUNNING | BROKEN)
        asked = {"tags": [tag], "status": status, "search_hidden": True, "only_fields": ["id"], "page_size": 1}
        return self._ask(lambda backend: bool(backend.api.call("tasks.get_all", **asked)["tasks"]))

    def url(self, seen: Seen) -> str:
        """The page of a run that was seen just now."""
        return self._ask(lambda backend: page_of(backend, seen.run.project, seen.id))

    def ask(self, question: Callable[[Backend], Answer], asleep: Answer) -> Answer:
        """The answer to a question of others, or the one for a backend that is not up; their own FlowsErrors pass."""
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

    def _look(self, backend: Backend, before: Span | None, is_known: Callable[[str, str, str], bool]) -> Sight:
        api = backend.api
        own = set(own_projects(api, self._settings))
        now = api.now()
        opened = reading.under_way(api)
        lost = [self._settle(api, run) for run, task in opened.items() if _project(task) in own]
        if any(lost):
            opened = reading.under_way(api)
        span = (before or Span.back(now, self._settings.monitor.look_back)).at(now)
        changed = reading.changed_since(api, max(span.began, span.until - OVERLAP))
        # Where nothing changes it comes along, or what was told so long ago that it is forgotten would be seen anew.
        last = max([span.until, now - FARTHEST, *map(reading.changed_at, changed.values())])
        new = [
            task
            for task in {**opened, **changed}.values()
            if task["status"] in OPEN or not is_known(task["id"], task["status"], task["status_changed"])
        ]
        new.sort(key=reading.changed_at)
        runs = tuple(reading.look_at(api, task, _project(task) in own) for task in new)
        return Sight(now, Span(span.began, min(last, now)), runs)

    def _settle(self, api: Api, run: str) -> list[ending.Lost]:
        try:
            return ending.settle(api, run, self._settings.agents.lost_after)
        except Refused:  # it was deleted in the meantime
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
            raise Unreachable(f"{where} answers what no ClearML API does ({type(odd).__name__}: {odd})"[:300]) from odd

    def _connect(self) -> Backend:
        if not is_embedded(self._settings):
            return connect(self._settings)
        status = launcher.status(data_dir(self._settings))
        if not status.running:
            raise Unreachable(f"the embedded backend of {status.data_dir} does not run; `flows server up` starts it")
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
