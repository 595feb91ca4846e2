"""Watch one scheduler, of this machine or of the cluster."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.events import Event
from clearml_flows.monitor import decisions
from clearml_flows.monitor.decisions import Condition, Overdue, SchedulerSource
from clearml_flows.monitor.schedules import Notice
from clearml_flows.monitor.store import Store
from clearml_flows.schedule.records import instant

HELD = timedelta(minutes=10)  # a failed run waits this long for the backend to say whether it has a Task
OF_RUNS = ("launch_failed", "skipped")  # kinds of notices of runs that may have a Task
CATCHES_UP = timedelta(seconds=60)  # time for a running scheduler to start due runs
BEGAN = "began"  # mark: start of the reported notices


class Schedules(Protocol):
    """Schedules, see clearml_flows/monitor/schedules.py.

    Every method raises FlowsError, and Unreachable if the schedules are in the backend.
    """

    @property
    def place(self) -> SchedulerSource: ...
    def notices(self, after: int) -> list[Notice]: ...
    def active(self) -> list[Overdue]: ...
    def holder(self) -> str: ...


@dataclass
class Timetable:
    """Passes a scheduler's notices on and checks that the scheduler works.

    Attributes:
        has_task: returns whether a Task with this tag exists that did not complete. Raises Unreachable.
    """

    schedules: Schedules
    store: Store
    has_task: Callable[[str], bool]
    tell: Callable[[Event, datetime], None]
    report_conditions: Callable[[str, list[Condition], datetime], None]
    _complained: str = field(default="", init=False)
    _overdue: datetime | None = field(default=None, init=False)

    def look(self, now: datetime, answers: bool) -> None:
        """Report new notices and a missing scheduler. `answers`: the backend answers."""
        try:
            self._pass_notices_on(now, answers)
            self.report_conditions(self.schedules.place.kind, self._no_scheduler(now), now)
            self._complained = ""
        except Unreachable:  # `Monitor` reports this error
            return
        except FlowsError as wrong:
            # Damaged schedules must not stop the watch over runs.
            if self._complained != str(wrong):
                self.tell(Event(f"schedules {wrong}", "missed", now, str(wrong), {"error": str(wrong)}), now)
            self._complained = str(wrong)

    def _no_scheduler(self, now: datetime) -> list[Condition]:
        late = decisions.overdue(self.schedules.active(), now)
        if not late:
            self._overdue = None
            return []
        place = self.schedules.place
        told = self.store.conditions(place.kind)
        holder = "" if told else self.schedules.holder()
        self._overdue = self._overdue or now
        # A running scheduler may be about to start the run, as after a sleep of the machine.
        if holder and now - self._overdue < CATCHES_UP:
            return []
        return [decisions.no_scheduler(late, place, holder, now)]

    def _pass_notices_on(self, now: datetime, answers: bool) -> None:
        began, mark = instant(self.store.mark(BEGAN)), self.schedules.place.mark
        while notices := self.schedules.notices(int(self.store.mark(mark) or 0)):
            for notice in notices:
                if notice.event.at >= began:
                    if _is_held(notice, now, answers):
                        return
                    if not self._has_run(notice, answers):
                        self.tell(notice.event, now)
                self.store.set_mark(mark, str(notice.number))

    def _has_run(self, notice: Notice, answers: bool) -> bool:
        """Return whether the notice's run has a Task that did not complete.

        The end of that Task is then reported instead of the notice.
        """
        if notice.event.kind not in OF_RUNS or not notice.run:
            return False
        try:
            return self.has_task(notice.run) if answers else bool(notice.task)
        except Unreachable:
            return bool(notice.task)


def _is_held(notice: Notice, now: datetime, answers: bool) -> bool:
    failed = notice.event.kind == "launch_failed" and not notice.task
    return failed and not answers and now - notice.event.at < HELD
