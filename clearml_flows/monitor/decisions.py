"""Derive events from runs, queues, schedules and the time, with pure functions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clearml_flows.events import Event
from clearml_flows.monitor.records import MonitoredRun, instant
from clearml_flows.run.ending import was_lost
from clearml_flows.run.snapshot import Step

LEAST_GRACE = timedelta(minutes=2)  # `flows schedule tick` runs once a minute and handles a limited number of schedules


@dataclass(frozen=True)
class Limits:
    stuck_after: timedelta
    waiting_after: timedelta


@dataclass(frozen=True)
class Condition:
    """A condition that lasts from `since`. It is reported once while it lasts."""

    name: str
    since: str
    event: Event


@dataclass(frozen=True)
class Overdue:
    """A schedule whose run is due at `due` and may be late by `grace`."""

    name: str
    due: datetime
    grace: timedelta


@dataclass(frozen=True)
class SchedulerSource:
    """A scheduler and how to report about it.

    Attributes:
        kind: kind of its conditions.
        mark: name of its stored cursor.
        what: noun for its holder, a process or a Task.
        start: command that starts it.
        end: command that ends it if it does nothing.
    """

    kind: str
    mark: str
    what: str
    start: str
    end: str


def ended(seen: MonitoredRun, facts: Mapping[str, Any]) -> Event:
    """Return the event of a run that has ended."""
    kind = "not_promoted" if seen.end == "completed" and facts.get("promoted") is False else seen.end
    return Event(seen.end_key, kind, instant(seen.changed), _subject(seen, kind), facts)


def lost(seen: MonitoredRun, url: str) -> Iterator[Event]:
    """Yield an event for each step of an open run that failed because its worker died."""
    if not seen.is_open:
        return
    for step in seen.run.steps:
        if step.status == "failed" and was_lost(step.message):
            key = f"step {step.task_id} lost {step.started or step.changed}"
            facts = {**_of(seen, url), "failed_step": step.name, "error": step.message}
            subject = f"{seen.flow} lost its step {step.name}, which is marked failed and may be retried"
            yield Event(key, "lost", instant(step.changed), subject, facts)


def stuck(seen: MonitoredRun, now: datetime, limits: Limits, url: str) -> Iterator[Condition]:
    """Yield a condition for the run and each step without an update for `stuck_after`."""
    if not seen.is_open:
        return
    fix = f"flows runs stop {seen.id}" if seen.own else "abort it on its page, and check its machine"
    for what, task, status, updated in _parts(seen):
        silent = now - instant(updated) if updated else timedelta()
        if status == "in_progress" and silent > limits.stuck_after:
            facts = {**_of(seen, url), "silent_seconds": _whole(silent), "fix": fix}
            subject = f"{seen.flow} is stuck: {what} had no update for {_whole(silent)} s"
            yield _condition("stuck", f"stuck {task}", updated, now, subject, facts)


def waiting(
    seen: MonitoredRun, now: datetime, limits: Limits, unwatched: Mapping[str, str], services: str, url: str
) -> Iterator[Condition]:
    """Yield a condition for each queue without a live agent in which parts of the run wait.

    Args:
        unwatched: names by id of the queues that no live agent watches.
        services: name of the controllers' queue.
        url: the run's page.
    """
    if not seen.is_open:
        return
    queues: dict[str, list[tuple[str, str]]] = {}
    for what, queue, changed in _queued(seen):
        if queue in unwatched and now - instant(changed) > limits.waiting_after:
            queues.setdefault(queue, []).append((what, changed))
    for queue, waits in queues.items():
        name = unwatched[queue]
        what, since = min(waits, key=lambda wait: wait[1])
        kind = "--services --queue" if name == services else "--queue"
        facts = {**_of(seen, url), "queue": name, "fix": f"flows agent start {kind} {name}"}
        subject = f"{seen.flow} waits: {what} is in the queue {name}, which no live agent watches"
        yield _condition("stuck", f"waiting {seen.id} {queue}", since, now, subject, facts)


def queues_of(runs: Iterable[MonitoredRun], now: datetime, limits: Limits) -> set[str]:
    """Return the ids of the queues in which a run or step has waited for `waiting_after`."""
    return {
        queue
        for seen in runs
        for _what, queue, changed in _queued(seen)
        if now - instant(changed) > limits.waiting_after
    }


def overdue(schedules: Iterable[Overdue], now: datetime) -> list[Overdue]:
    """Return the schedules whose run is overdue, ordered by due time."""
    late = [one for one in schedules if now - one.due > max(one.grace, LEAST_GRACE)]
    return sorted(late, key=lambda one: (one.due, one.name))


def no_scheduler(late: list[Overdue], place: SchedulerSource, holder: str, now: datetime) -> Condition:
    """Return the condition that due runs are not started.

    Args:
        late: the overdue schedules.
        place: the scheduler's kind.
        holder: the scheduler that runs but starts nothing; empty: no scheduler runs.
    """
    first = late[0]
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    who = f"the scheduler ({place.what} {holder}) does not start it" if holder else "no scheduler is running"
    fix = f"{place.end.format(holder=holder)}; {place.start}" if holder else place.start
    due = first.due.strftime("%Y-%m-%dT%H:%M:%SZ")
    subject = f"the run of {first.name}{more} that was due at {due} was not started: {who}"
    facts = {"schedules": [one.name for one in late[:20]], "due": due, "fix": fix}
    return _condition("missed", f"{place.kind} away", due, now, subject, facts)


def _condition(kind: str, name: str, since: str, now: datetime, subject: str, facts: Mapping[str, Any]) -> Condition:
    return Condition(name, since, Event(f"{name} {since}", kind, now, subject, facts))


def _parts(seen: MonitoredRun) -> Iterator[tuple[str, str, str, str]]:
    """Yield the run and its steps: description, Task, status and time of the last update."""
    yield "the run", seen.id, seen.run.status, seen.updated
    for step in seen.run.steps:
        yield f"its step {step.name}", step.task_id, step.status, step.updated


def _queued(seen: MonitoredRun) -> Iterator[tuple[str, str, str]]:
    if seen.run.status == "queued":
        yield "the run", seen.queue, seen.changed
    for step in seen.run.steps:
        if step.status == "queued":
            yield f"its step {step.name}", step.queue, step.changed


def _subject(seen: MonitoredRun, kind: str) -> str:
    step: Step | None = seen.failed_step if seen.end in ("failed", "stopped") else None
    if kind == "not_promoted":
        return f"{seen.flow} completed, and its model is not promoted"
    return f"{seen.flow} {kind} in {step.name}" if step else f"{seen.flow} {kind}"


def _of(seen: MonitoredRun, url: str) -> dict[str, Any]:
    return {"flow": seen.flow, "run_id": seen.id, "name": seen.name, "status": seen.run.status, "url": url}


def _whole(length: timedelta) -> int:
    return round(length.total_seconds())
