"""Monitor engine: take a snapshot, send events of changes, then store that they were sent.

Events go to the outbox before they are marked as sent. After a crash the monitor writes them again under
the same key, and the outbox drops the duplicate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from clearml_flows.errors import Unreachable
from clearml_flows.events import Event
from clearml_flows.monitor import decisions
from clearml_flows.monitor.decisions import Condition, Limits
from clearml_flows.monitor.journal import Journal
from clearml_flows.monitor.records import MonitoredRun, Window
from clearml_flows.monitor.store import Store, StoredRun, statuses
from clearml_flows.monitor.timetable import BEGAN, Schedules, Timetable
from clearml_flows.schedule.records import instant, text

AWAY_AFTER = timedelta(seconds=60)  # a shorter absence of the backend is not reported
LOST_AFTER = timedelta(minutes=5)  # time for a run's own processes to mark its steps, before the monitor does
CURSOR, ANSWERED = "cursor", "answered"


class Notifier(Protocol):
    """Receiver of events, implemented by `notify.notifier`."""

    def put(self, event: Event) -> None:
        """Store the event once per key. Durable on return."""

    def deliver(self, now: datetime) -> None:
        """Send due messages in a bounded time."""

    def close(self) -> None: ...


class Snapshot(Protocol):
    """A snapshot, see `monitor/watched_backend.py`."""

    @property
    def now(self) -> datetime: ...
    @property
    def span(self) -> Window: ...
    @property
    def runs(self) -> tuple[MonitoredRun, ...]: ...


class Backend(Protocol):
    """The backend; see clearml_flows/monitor/watched_backend.py.

    Every method except `asleep` raises Unreachable.
    """

    def asleep(self) -> bool: ...
    def look(self, before: Window | None, is_known: Callable[[str, str, str], bool]) -> Snapshot: ...
    def settle(self, run: str) -> None: ...
    def unwatched(self, queues: Iterable[str]) -> dict[str, str]: ...
    def facts(self, seen: MonitoredRun) -> Mapping[str, Any]: ...
    def has_task(self, tag: str) -> bool: ...
    def url(self, seen: MonitoredRun) -> str: ...


@dataclass
class Monitor:
    """The monitor. `look(now)` handles all changes up to `now` (UTC); `say` gets one line each.

    Attributes:
        look_back: seconds before the first snapshot; older notices of schedulers are skipped.
        services: name of the controllers' queue.
        others: also report runs of other projects.
    """

    store: Store
    notifier: Notifier
    backend: Backend
    schedules: Sequence[Schedules]
    journal: Journal
    limits: Limits
    look_back: float
    services: str
    others: bool
    say: Callable[[str], None]
    _answers: bool = field(default=True, init=False)
    _forgot: date | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._timetables = [
            Timetable(one, self.store, self.backend.has_task, self._tell, self._report_conditions)
            for one in self.schedules
        ]

    def look(self, now: datetime) -> str:
        """Check runs and schedules; return what was checked.

        The text is empty if the backend was up before and does not answer.
        """
        if not self.store.mark(BEGAN):
            self.store.set_mark(BEGAN, text(now - timedelta(seconds=self.look_back)))
        looked = self._look_at_runs(now)
        for timetable in self._timetables:
            timetable.look(now, self._answers and not self.backend.asleep())
        if self._forgot != now.date():
            self.store.forget(now)
            self._forgot = now.date()
        return looked

    def _look_at_runs(self, now: datetime) -> str:
        if self.backend.asleep():
            self._back(now, "the embedded backend was ended, or never started")
            return "schedules; the embedded backend is not started"
        try:
            snapshot = self.backend.look(Window.of(self.store.mark(CURSOR)), self._is_known)
            self._back(now, "the backend answers again")
            for seen in snapshot.runs:
                self._take(seen, now)
            self._report_conditions("stuck", self._stuck(snapshot), now)
            self._report_conditions("waiting", self._waiting(snapshot), now)
            for run in self.store.unsettled(text(snapshot.now - LOST_AFTER)):
                self.backend.settle(run)
                self.store.set_settled(run)
            self.store.set_mark(CURSOR, str(snapshot.span))
        except Unreachable as away:
            self._away(now, str(away))
            return ""
        self._answers = True
        self.store.set_mark(ANSWERED, text(now))
        return "runs and schedules"

    def _take(self, seen: MonitoredRun, now: datetime) -> None:
        """Log the changes of a run, send its events, then store its state."""
        known = self.store.known(seen.id)
        if known == StoredRun(seen.run.status, seen.changed, statuses(seen)):
            return
        self.journal.run(now, seen)
        for event in decisions.lost(seen, self.backend.url(seen)):
            self._tell(event, now)
        if seen.end and self._is_of_interest(seen) and not self.store.was_told(seen.end_key):
            self._tell(decisions.ended(seen, self.backend.facts(seen)), now)
        self.store.remember(seen)

    def _stuck(self, snapshot: Snapshot) -> list[Condition]:
        found = [(seen, self.backend.url(seen)) for seen in self._open(snapshot)]
        return [one for seen, url in found for one in decisions.stuck(seen, snapshot.now, self.limits, url)]

    def _waiting(self, snapshot: Snapshot) -> list[Condition]:
        open_runs = self._open(snapshot)
        unwatched = self.backend.unwatched(decisions.queues_of(open_runs, snapshot.now, self.limits))
        return [
            one
            for seen in open_runs
            for one in decisions.waiting(
                seen, snapshot.now, self.limits, unwatched, self.services, self.backend.url(seen)
            )
        ]

    def _open(self, snapshot: Snapshot) -> list[MonitoredRun]:
        return [seen for seen in snapshot.runs if seen.is_open and self._is_of_interest(seen)]

    def _is_of_interest(self, seen: MonitoredRun) -> bool:
        return seen.own or self.others

    def _report_conditions(self, kind: str, found: list[Condition], now: datetime) -> None:
        """Send events of new conditions and close those that have ended."""
        before = self.store.conditions(kind)
        for one in found:
            if one.name not in before:
                self._tell(one.event, now)
                self.store.open_condition(one.name, one.since)
        self.store.close_conditions(set(before) - {one.name for one in found})

    def _away(self, now: datetime, why: str) -> None:
        answered = self.store.mark(ANSWERED)
        if self._answers:
            self.say(f"the backend does not answer: {why}")
        self._answers = False
        if answered and now - instant(answered) > AWAY_AFTER:
            facts = {"since": answered, "error": why, "fix": "flows server status"}
            event = Event(f"backend_away {answered}", "backend_away", now, f"the backend does not answer: {why}", facts)
            self._report_conditions("backend", [Condition("backend away", answered, event)], now)

    def _back(self, now: datetime, why: str) -> None:
        """Report that the backend is back, or is not expected to run, if its absence was reported."""
        since = self.store.conditions("backend").get("backend away")
        if since:
            self._tell(Event(f"backend_back {since}", "backend_back", now, why, {"since": since}), now)
            self.store.close_conditions(["backend away"])
        elif not self._answers:
            self.say(why)
        self._answers = True

    def _tell(self, event: Event, now: datetime) -> None:
        if self.store.was_told(event.key):
            return
        self.notifier.put(event)
        self.journal.event(now, event)
        self.say(f"{event.kind}: {event.subject}")
        self.store.set_told(event.key, now)

    def _is_known(self, run: str, status: str, changed: str) -> bool:
        known = self.store.known(run)
        return known is not None and (known.status, known.changed) == (status, changed)
