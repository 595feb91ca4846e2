"""Scheduler process: check for due runs every second until a signal.

Its runs outlive the process.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import Unreachable
from clearml_flows.lock import only_one
from clearml_flows.schedule.api import FROM_ENVIRONMENT, engine
from clearml_flows.schedule.environment import adopt
from clearml_flows.schedule.records import text
from clearml_flows.schedule.store import Store
from clearml_flows.schedule.stores import refuse_backend
from clearml_flows.settings import Settings

LOOK_EVERY = 1.0
ENDING = ("SIGTERM", "SIGINT", "SIGHUP")


def start(settings: Settings, say: Callable[[str], None], once: bool = False) -> None:
    """Run the scheduler until SIGTERM, SIGINT or SIGHUP; with `once`, for one tick.

    The scheduler also ends when the environment's schedule is the only one and has had all its runs.

    Raises:
        Locked: another scheduler uses the same data directory.
        BadInput: a schedule variable of the environment is wrong, or the schedules are in the backend.
    """
    refuse_backend(settings)
    folder = data_dir(settings)
    told = dated(say)
    with only_one(folder, "schedule", "another scheduler is under way", "leave the work to it, or stop it"):
        store = Store(folder)
        try:
            adopt(store, settings, os.environ, datetime.now(UTC))
            scheduler = engine(store, settings, told)
            if once:
                scheduler.tick(datetime.now(UTC))
            else:
                run(store, scheduler.tick, told)
        finally:
            store.close()


def run(store: Store, tick: Callable[[datetime], None], say: Callable[[str], None], every: float = LOOK_EVERY) -> None:
    """Call `tick` every `every` seconds until a signal or the end of the environment's schedule."""
    ending = threading.Event()
    before = [(number, signal.signal(number, lambda *_: ending.set())) for number in _signals()]
    _greet(store, say)
    try:
        while not ending.is_set():
            tick(datetime.now(UTC))
            if _all_done(store):
                say("the schedule of the environment has had all its runs")
                return
            ending.wait(every)
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    _take_leave(store, say)


def _signals() -> list[signal.Signals]:
    """Return the signals that end the scheduler.

    A signal that the process ignores is left out, such as SIGHUP under nohup.
    """
    known = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) != signal.SIG_IGN]


def _greet(store: Store, say: Callable[[str], None]) -> None:
    active = [schedule.name for schedule in store.schedules() if schedule.state == "active"]
    names = ", ".join(active) or "no schedule is active yet"
    say(f"the scheduler of {store.place} begins, process {os.getpid()}: {names}")


def _take_leave(store: Store, say: Callable[[str], None]) -> None:
    try:
        under_way = [run for run in store.open_runs() if run.state in ("launched", "begun")]
    except Unreachable as away:
        say(f"the scheduler ends; its runs go on: {away}")
        return
    say(f"the scheduler ends; {len(under_way)} of its runs go on")


def _all_done(store: Store) -> bool:
    with suppress(Unreachable):  # the next tick checks again
        states = [(one.name, one.state) for one in store.schedules()]
        return states == [(FROM_ENVIRONMENT, "finished")] and not store.open_runs()
    return False


def dated(say: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: say(f"{text(datetime.now(UTC))} {line}")
