"""Scheduler engine: one `tick` records and starts every run that is due.

The engine keeps its state in the store and in the backend only. A run is started in three steps: claim,
launch, mark. After a crash the next engine may launch a claimed run again. The run's process takes the
run only if no other process has it (`schedule/child.py`), so each run is executed once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from clearml_flows.errors import BadInput, Unreachable
from clearml_flows.schedule import policy
from clearml_flows.schedule.records import REPLACED, Run, Schedule, text
from clearml_flows.schedule.store import Planned, Store

AT_ONCE = 12  # schedules per tick, to limit the load of the machine; the others wait for the next tick
ATTEMPTS = 3
APPEARS_WITHIN = timedelta(minutes=2)  # time from the start of a run's process to its Task, on a busy machine
RETRY = timedelta(seconds=10)
QUEUED_WITHIN = timedelta(days=1)  # limit for a recorded run that waits for an agent


@dataclass(frozen=True)
class RunState:
    """State of a run's Task in the backend; `silent` is the time since its last update."""

    id: str
    status: str
    tags: tuple[str, ...]
    silent: timedelta
    why: str = ""

    @property
    def runs(self) -> bool:
        return self.status in ("created", "queued", "in_progress")


class Backend(Protocol):
    """The Tasks of scheduled runs.

    Every method raises Unreachable if the backend does not answer.
    """

    def running(self) -> list[RunState]:
        """Return the Tasks of all scheduled runs that have not ended."""

    def find(self, key: str) -> RunState | None:
        """Return the Task of the run with this key, or None."""

    def stop(self, task: str, why: str) -> None:
        """Mark the run and its steps as stopped."""

    def discard(self, task: str) -> None:
        """Delete a Task that was created but not enqueued, so that it cannot be enqueued later."""


class Processes(Protocol):
    """The processes of runs on this machine."""

    def launch(self, run: Run) -> tuple[int, float]:
        """Start the process of a run and return its pid and creation time.

        The creation time identifies the process, since the system reuses pids. Raises OSError.
        """

    def alive(self, run: Run) -> bool:
        """Return whether the run's process exists."""

    def stop(self, run: Run) -> None:
        """Ask the run's process to end. The process marks what it stops."""


@dataclass
class Engine:
    """The scheduler.

    `tick(now)` does all that is due at `now` (UTC); `say` gets one log line per action.

    Attributes:
        lost_after: a running Task without an update for this long no longer blocks other runs.
        most: limit of runs of a schedule that are caught up or wait at the same time.
    """

    store: Store
    backend: Backend
    processes: Processes
    lost_after: timedelta
    most: int
    say: Callable[[str], None]
    _running: list[RunState] | None = field(default=None, init=False)  # Tasks of this tick; None: not read yet
    _delayed: set[str] = field(default_factory=set, init=False)  # ids of schedules whose delay is already reported

    def tick(self, now: datetime) -> None:
        now = now.replace(microsecond=0)
        self._running = None
        for schedule in self.store.seen_after(now):
            again = self.store.known_from(schedule, now)
            if again < schedule.seen:
                self.say(f"{schedule.name}: the clock was set back from {text(schedule.seen)}; nothing is run again")
                self.store.plan(schedule, [], (again, again), now)
        for run in self.store.open_runs():
            self._go_on(run, now)
        decided = [(schedule, self._decide(schedule, now)) for schedule in self.store.due(now, AT_ONCE)]
        if not decided:
            return
        with self.store.together():
            planned = [(schedule, self.store.plan(schedule, *decision, now)) for schedule, decision in decided]
        runs = [(run, schedule) for schedule, recorded in planned for run in recorded]
        self._launch([pair for pair in runs if pair[0].state == "claimed"], now)
        for run, schedule in runs:
            if run.state in ("missed", "skipped"):
                self._tell(schedule, run, run.state, run.why, now)

    def run_now(self, schedule: Schedule, now: datetime) -> Run | None:
        """Start a manual run without an overlap check.

        Returns:
            The run, or None if max_runs is reached, the schedule is removed, or a run of this second exists.
        """
        now = now.replace(microsecond=0)
        runs = self.store.plan(schedule, [Planned(now, "claimed", "by hand")], None, now)
        self._launch([(run, schedule) for run in runs], now)
        return self.store.run(runs[0].number) if runs else None

    def _decide(self, schedule: Schedule, now: datetime) -> tuple[list[Planned], tuple[datetime, datetime]]:
        """Return the runs to record for a schedule, and two times: done up to, and next check."""
        try:
            choice = policy.choose(schedule, now, self.most)
            if choice is None:
                return [], (schedule.seen, policy.next_look(schedule, schedule.seen))
            planned = self._planned(schedule, choice, now)
            self._delayed.discard(schedule.id)
            return planned, (choice.seen, policy.next_look(schedule, choice.seen))
        except BadInput as wrong:
            self.store.set_state(schedule, "paused", now)
            self._tell(schedule, None, "paused", f"it is paused: {wrong}", now)
        except Unreachable as away:
            if schedule.id not in self._delayed:
                why = f"due runs wait, because the state of the previous run is unknown: {away}"
                self._tell(schedule, None, "delayed", why, now)
            self._delayed.add(schedule.id)
        return [], (schedule.seen, now + RETRY)

    def _planned(self, schedule: Schedule, choice: policy.Choice, now: datetime) -> list[Planned]:
        planned = []
        if choice.last:
            planned.append(Planned(choice.last, "missed", choice.sentence, choice.missed))
        if len(choice.chosen) > 1:
            state = "claimed" if schedule.overlap == "allow" else "waiting"
            planned += [Planned(due, state, self._lateness(schedule, due, now)) for due in choice.chosen]
        elif choice.chosen:
            planned.append(self._admitted(schedule, choice.chosen[0], now))
        return planned

    def _admitted(self, schedule: Schedule, due: datetime, now: datetime) -> Planned:
        """Apply the overlap policy to a due run. Raises Unreachable."""
        late = self._lateness(schedule, due, now)
        if schedule.overlap == "allow":
            return Planned(due, "claimed", late)
        waiting = [run for run in self.store.open_runs(schedule) if run.state == "waiting"]
        busy = f"{len(waiting)} before it wait" if waiting else self._busy(schedule, now)
        if not busy:
            return Planned(due, "claimed", late)
        if schedule.overlap == "replace":
            self._make_way(schedule, waiting, now)
            return Planned(due, "waiting", late)
        if schedule.overlap == "queue" and len(waiting) < self.most:
            return Planned(due, "waiting", late)
        return Planned(due, "skipped", busy)

    def _go_on(self, run: Run, now: datetime) -> None:
        """Advance a run that has not ended by one step, or find out how the run ended."""
        schedule = self.store.by_id(run.schedule)
        try:
            if run.state == "waiting":
                self._start_waiting(run, schedule, now)
            elif run.state == "claimed":
                self._launch([(run, schedule)], now)
            elif self.processes.alive(run):
                return
            elif run.state == "launched":
                self._launch_again(run, schedule, now)
            else:
                self._look_for_end(run, schedule, now)
        except Unreachable:  # the state stays; the next tick asks the backend again
            return

    def _start_waiting(self, run: Run, schedule: Schedule, now: datetime) -> None:
        if schedule.state == "paused":
            return
        if schedule.state == "removed":
            self.store.move(run, ("waiting",), "skipped", ended=now, why="its schedule was removed")
        elif not self._busy(schedule, now) and self.store.move(run, ("waiting",), "claimed", claimed=now):
            self._launch([(run, schedule)], now)

    def _look_for_end(self, run: Run, schedule: Schedule, now: datetime) -> None:
        """Read the outcome from the backend, since the process is gone and did not record one."""
        task = self.backend.find(run.key)
        if task is None:
            if policy.age(run, now) > APPEARS_WITHIN:
                self._launch_again(run, schedule, now)
        elif task.status == "created" and min(task.silent, policy.age(run, now)) > APPEARS_WITHIN:
            self.backend.discard(task.id)
            self._launch_again(run, schedule, now)
        elif task.status in ("completed", "published"):
            self.store.move(run, ("begun",), "done", ended=now, task=task.id)
        elif not task.runs:
            self._end(
                run, schedule, f"its Task {task.id} is {task.status}{': ' * bool(task.why)}{task.why}", now, task.id
            )
        elif task.silent >= self._patience(task):
            self._give_up(run, schedule, task, now)

    def _give_up(self, run: Run, schedule: Schedule, task: RunState, now: datetime) -> None:
        if task.status == "queued":
            why = f"its Task {task.id} has waited for an agent for {task.silent}"
            self.backend.stop(task.id, why)
        else:
            why = f"its process is gone, and its Task {task.id}, {task.status}, has been silent for {task.silent}"
        self._end(run, schedule, why, now, task.id)

    def _patience(self, task: RunState) -> timedelta:
        """Return how long the Task of a recorded run may be silent before the run counts as lost."""
        return max(QUEUED_WITHIN, self.lost_after) if task.status == "queued" else self.lost_after

    def _launch(self, runs: list[tuple[Run, Schedule]], now: datetime) -> None:
        """Start the processes of claimed runs and mark these runs as launched.

        A run whose process cannot be started fails and does not stop the others.
        """
        launched = []
        for run, schedule in runs:
            try:
                launched.append((run, schedule, *self.processes.launch(run)))
            except OSError as wrong:
                self._end(run, schedule, f"it could not be started: {wrong}", now)
        with self.store.together():
            for run, _schedule, pid, born in launched:
                self.store.move(run, ("claimed",), "launched", pid=pid, born=born)
        for run, schedule, pid, _born in launched:
            self.say(f"{schedule.name}: the run of {text(run.scheduled)} is started (process {pid})")

    def _launch_again(self, run: Run, schedule: Schedule, now: datetime) -> None:
        attempts = run.attempts + 1
        if attempts >= ATTEMPTS:
            self._end(run, schedule, f"its process ended before there was a Task, {attempts} times", now)
            return
        blank = dict.fromkeys(["pid", "born", "began", "task"])
        if self.store.move(run, (run.state,), "claimed", claimed=now, attempts=attempts, **blank):
            self._launch([(self.store.run(run.number), schedule)], now)

    def _busy(self, schedule: Schedule, now: datetime) -> str:
        """Return why the schedule is busy (its run under way), or an empty text. Raises Unreachable."""
        known = {run.key for run in self.store.open_runs(schedule)}
        for task in self._tasks(schedule):
            if task.silent < (self._patience(task) if known.intersection(task.tags) else self.lost_after):
                return f"the previous run, {task.id}, is {task.status}"
        for run in self.store.open_runs(schedule):
            if run.state in ("launched", "begun") and self._may_begin(run, now):
                return f"the run of {text(run.scheduled)} has a process, {run.pid}"
        return ""

    def _may_begin(self, run: Run, now: datetime) -> bool:
        """Return whether the run's process lives, or may have begun on another machine a moment ago."""
        age = policy.age(run, now)
        just_begun = run.state == "begun" and age <= APPEARS_WITHIN
        return just_begun or (age < self.lost_after and self.processes.alive(run))

    def _make_way(self, schedule: Schedule, waiting: list[Run], now: datetime) -> None:
        for run in waiting:
            self.store.move(run, ("waiting",), "skipped", ended=now, why=REPLACED)
        here = [run for run in self.store.open_runs(schedule) if run.state != "waiting" and self.processes.alive(run)]
        for run in here:
            self.store.move(run, (run.state,), run.state, why=REPLACED)
            self.processes.stop(run)
        for task in self._tasks(schedule):
            if not any(run.key in task.tags for run in here):
                self.backend.stop(task.id, REPLACED)

    def _tasks(self, schedule: Schedule) -> list[RunState]:
        if self._running is None:
            self._running = self.backend.running()
        return [task for task in self._running if policy.belongs(schedule, task.tags)]

    def _end(self, run: Run, schedule: Schedule, why: str, now: datetime, task: str | None = None) -> None:
        if self.store.move(run, ("claimed", "launched", "begun"), "failed", ended=now, why=why, task=task):
            self._tell(schedule, run, "failed", why, now)

    def _tell(self, schedule: Schedule, run: Run | None, kind: str, why: str, now: datetime) -> None:
        self.store.notice(now, schedule.name, run.scheduled if run else None, kind, why)
        subject = f"the run of {text(run.scheduled)} is {kind}: " if run else ""
        self.say(f"{schedule.name}: {subject}{why}")

    @staticmethod
    def _lateness(schedule: Schedule, due: datetime, now: datetime) -> str:
        return f"made up for, {now - due} late" if policy.too_late(schedule, due, now) else ""
