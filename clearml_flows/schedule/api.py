"""Operations on schedules for the command line and Python.

Each returns the data that `--json` prints.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clearml_flows import project
from clearml_flows.backend.connection import data_dir
from clearml_flows.catalog import flow_names
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.run.options import SOURCES
from clearml_flows.schedule import times
from clearml_flows.schedule.child import command
from clearml_flows.schedule.engine import Engine
from clearml_flows.schedule.processes import LocalProcesses
from clearml_flows.schedule.records import Run, Schedule, document, text
from clearml_flows.schedule.store import Planned, Store
from clearml_flows.schedule.stores import in_backend, open_store
from clearml_flows.schedule.tasks import Tasks
from clearml_flows.settings import Settings, load
from clearml_flows.spelling import did_you_mean

FROM_ENVIRONMENT = "environment"  # name of the schedule that PIPELINE_SCHEDULE_TYPE defines
SHOWN_RUNS = 20
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def create(kind: str, when: str, name: str = "", options: Sequence[str] = (), **chosen: Any) -> dict[str, Any]:
    """Create a schedule.

    Args:
        kind: `interval`, `daily` or `cron`.
        when: seconds, HH:MM, or a cron expression, depending on the kind.
        name: empty: a name made of the flow and the kind.
        options: options of the run's command line.
        chosen: flow, zone, max_runs, overlap, catch_up, grace, jitter; None: as in the settings.

    Raises:
        BadInput: a value or an option of the run is wrong. The message names it.
    """
    settings, now = load(), _now()
    values = ways(settings, kind, when, options=tuple(options), **chosen)
    times.timing(kind, when, values["zone"], now)
    if kind == "interval":
        values["timing"] = str(times.interval(when))
    _check_name(name)
    _check_flow(values["flow"])
    if options:
        _check_options(values["flow"], options)
    with _opened(settings) as store, store.together():
        return _told(store.add(name or _free_name(store, values["flow"], kind), now, **values), store, now)


def ways(settings: Settings, kind: str, when: str, **chosen: Any) -> dict[str, Any]:
    """Return the columns of a new schedule: the chosen values, else those of the settings."""
    given = settings.schedule
    usual = {
        "kind": kind,
        "timing": when,
        "zone": given.timezone,
        "flow": "churn",
        "options": (),
        "max_runs": None,
        "overlap": given.overlap,
        "catch_up": given.catch_up,
        "grace": given.grace,
        "jitter": given.jitter,
    }
    return {**usual, **{name: value for name, value in chosen.items() if value is not None}}


def run_options(source: str | None, changes: Sequence[str], queue: str | None) -> list[str]:
    """Return options for the run's command line.

    Paths become absolute, since the run starts elsewhere.
    """
    if source and source not in SOURCES:
        source = str(Path(source).expanduser().absolute())
    named = {"--source": source, "--queue": queue}
    given = [word for option, value in named.items() if value for word in (option, value)]
    return [*given, *(word for change in changes for word in ("--set", change))]


def list_schedules() -> list[dict[str, Any]]:
    """Return all schedules with their state, next due time, number of runs and last run."""
    with _opened(load()) as store:
        return [_told(schedule, store, _now()) for schedule in store.schedules()]


def show(name: str) -> dict[str, Any]:
    """Return a schedule and its last runs, the latest first.

    Raises BadInput if there is none of this name.
    """
    with _opened(load()) as store:
        schedule = store.schedule(name)
        told = [document(run) for run in store.runs(schedule, SHOWN_RUNS)]
        return {**_told(schedule, store, _now()), "history": told}


def upcoming(count: int, name: str = "") -> list[dict[str, Any]]:
    """Return the next `count` due times of one schedule, or of all active ones.

    Each is `{schedule, scheduled, local}`.
    """
    with _opened(load()) as store:
        active = [one for one in store.schedules() if one.state == "active"]
        chosen = [store.schedule(name)] if name else active
    found = [due for schedule in chosen for due in _times(schedule, count, _now())]
    return sorted(found, key=lambda due: (due["scheduled"], due["schedule"]))[:count]


def change(name: str, state: str) -> dict[str, Any]:
    """Set the state: active, paused or removed.

    Raises:
        BadInput: there is no schedule of this name, or it has had all its runs.
    """
    now = _now()
    with _opened(load()) as store:
        schedule = store.schedule(name)
        if schedule.state == "finished" and state != "removed":
            raise BadInput(f"schedule {name!r} has had its {schedule.max_runs} runs; create a new schedule")
        if schedule.state != state:
            store.set_state(schedule, state, now)
        return _told(store.by_id(schedule.id), store, now)


def run_now(name: str) -> dict[str, Any]:
    """Start a run now, besides the schedule's times, and return without waiting for its end.

    If the schedules are in the backend, their scheduler starts the run. Its pid is None until then.

    Raises:
        BadInput: the schedule allows no more runs, or a run of this second exists.
        FlowsError: the process cannot be started.
    """
    settings = load()
    with _opened(settings) as store:
        schedule = store.schedule(name)
        run = _run_now(store, settings, schedule)
        if run is None:
            state = store.by_id(schedule.id).state
            raise BadInput(f"schedule {name!r} is {state} and allows no more runs, or started one this second")
    if run.state == "failed":
        raise FlowsError(run.why)
    return {**document(run), "schedule": name}


def _run_now(store: Store, settings: Settings, schedule: Schedule) -> Run | None:
    if not in_backend(settings):
        return engine(store, settings, lambda _line: None).run_now(schedule, _now())
    claimed = store.plan(schedule, [Planned(_now(), "claimed", "by hand")], None, _now())
    return claimed[0] if claimed else None


def engine(store: Store, settings: Settings, say: Any) -> Engine:
    """Return the scheduler engine of this machine for the configured backend."""
    given = settings.schedule
    processes = LocalProcesses(data_dir(settings))
    return Engine(store, Tasks(settings), processes, timedelta(seconds=given.lost_after), given.most, say)


def _opened(settings: Settings) -> AbstractContextManager[Store]:
    return closing(open_store(settings))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _check_name(name: str) -> None:
    if name and not NAME.fullmatch(name):
        raise BadInput(f"--name is {name[:80]!r}: expected up to 64 characters of a-z, 0-9, - _ and .")
    if name == FROM_ENVIRONMENT:
        raise BadInput(f"--name {name} is reserved for the schedule of the environment variables; choose another name")


def _free_name(store: Store, flow: str, kind: str) -> str:
    taken = {one.name for one in store.schedules()}
    base = f"{flow}-{kind}"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _check_flow(name: str) -> None:
    if name not in flow_names():
        raise BadInput(f"there is no flow {name!r}{did_you_mean(name, flow_names())}")
    load().flow(name)


def _check_options(flow: str, options: Sequence[str]) -> None:
    """Check the run's options with a dry run of the flow.

    Raises BadInput with the flow's message.
    """
    variables = {**os.environ, **project.environment()}
    done = subprocess.run(
        [*command(flow, options), "--dry-run"], env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sentence = (done.stderr.strip().splitlines() or ["the run refuses these options"])[-1]
        raise BadInput(sentence.removeprefix("error: ").removeprefix("Error: "))


def _times(schedule: Schedule, count: int, now: datetime) -> list[dict[str, Any]]:
    left = count if schedule.max_runs is None else min(count, schedule.max_runs - schedule.claimed)
    found, due = [], max(now, schedule.seen)
    for _ in range(left):
        due = schedule.times.after(due)
        found.append({"schedule": schedule.name, "scheduled": text(due), "local": _local(schedule, due)})
    return found


def _local(schedule: Schedule, due: datetime) -> str:
    return due.astimezone(schedule.clock).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def _told(schedule: Schedule, store: Store, now: datetime) -> dict[str, Any]:
    following = _times(schedule, 1, now) if schedule.state == "active" else []
    last = store.runs(schedule, 1)
    return {
        "name": schedule.name,
        "flow": schedule.flow,
        "kind": schedule.kind,
        "when": schedule.when,
        "timezone": schedule.zone,
        "options": list(schedule.options),
        "state": schedule.state,
        "next": following[0]["scheduled"] if following else None,
        "next_local": following[0]["local"] if following else None,
        "runs": schedule.claimed,
        "max_runs": schedule.max_runs,
        "last": {"scheduled": text(last[0].scheduled), "state": last[0].state} if last else None,
        **{name: getattr(schedule, name) for name in ("overlap", "catch_up", "grace", "jitter")},
        "created": text(schedule.created),
    }
