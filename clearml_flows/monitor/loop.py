"""Monitor process: check at an interval until a signal.

Runs and schedules do not depend on it.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import Unreachable
from clearml_flows.lock import only_one
from clearml_flows.monitor import heartbeat
from clearml_flows.monitor.decisions import Limits
from clearml_flows.monitor.engine import Monitor
from clearml_flows.monitor.heartbeat import Heartbeat
from clearml_flows.monitor.journal import Journal
from clearml_flows.monitor.schedules import ClusterSchedules, Schedules
from clearml_flows.monitor.store import Store
from clearml_flows.monitor.watched_backend import Watched
from clearml_flows.notify.notifier import Notifier
from clearml_flows.plain_text import cell
from clearml_flows.project import settings_file
from clearml_flows.schedule.records import text
from clearml_flows.settings import Settings

DELIVER_EVERY = 5.0
SLOWEST = 300.0


@dataclass
class Watch:
    """A monitor with its heartbeat. The pause between checks doubles while the backend is away."""

    monitor: Monitor
    notifier: Notifier
    heartbeat: Heartbeat
    interval: float
    pause: float = 0.0

    def look(self, now: datetime) -> str:
        """Check once, then deliver due messages; return what was checked."""
        looked = self.monitor.look(now)
        if looked:
            self.heartbeat.beat(now, looked)
        self.pause = self.interval if looked else min(max(SLOWEST, self.interval), max(self.pause, self.interval) * 2)
        self.notifier.deliver(now)
        return looked


def watch(settings: Settings, say: Callable[[str], None], once: bool = False) -> None:
    """Run the monitor until SIGTERM or SIGINT; with `once`, for one check.

    Raises:
        Locked: another monitor uses the same data directory.
        BadInput: a channel or the heartbeat URL is wrong.
        Unreachable: with `once`, the backend was up before and does not answer.
    """
    folder = data_dir(settings)

    def told(line: str) -> None:
        say(f"{text(datetime.now(UTC))} {cell(line)}")

    with only_one(folder, "monitor", "another monitor is under way", "leave the work to it, or stop it"):
        store, backend = Store(folder), Watched(settings)
        schedules = (Schedules(folder), ClusterSchedules(settings, backend))
        try:
            notifier = Notifier(settings, folder)
            try:
                watching = _watch(settings, store, backend, schedules, notifier, told)
                if once:
                    _once(watching)
                else:
                    _loop(watching, told)
            finally:
                notifier.close()
        finally:
            for part in (*schedules, store, backend):
                part.close()


def log_folder(settings: Settings) -> Path:
    """Return the folder of pipeline_monitor.log and pipeline_monitor.jsonl."""
    named = settings.monitor.log_folder
    return settings_file().parent / Path(named).expanduser() if named else data_dir(settings) / "logs"


def _watch(
    settings: Settings,
    store: Store,
    backend: Watched,
    schedules: Sequence[Schedules | ClusterSchedules],
    notifier: Notifier,
    say: Callable[[str], None],
) -> Watch:
    given = settings.monitor
    limits = Limits(timedelta(seconds=given.stuck_after), timedelta(seconds=given.waiting_after))
    journal = Journal(log_folder(settings), say)
    monitor = Monitor(
        store,
        notifier,
        backend,
        schedules,
        journal,
        limits,
        given.look_back,
        settings.queues.services,
        given.others,
        say,
    )
    every = timedelta(seconds=given.heartbeat)
    sign = Heartbeat(data_dir(settings), os.environ.get(heartbeat.URL, ""), every, say)
    return Watch(monitor, notifier, sign, given.interval)


def _once(watching: Watch) -> None:
    if not watching.look(datetime.now(UTC)):
        raise Unreachable("the backend does not answer, and was up before; `flows server status` shows more")


def _loop(watching: Watch, say: Callable[[str], None]) -> None:
    ending = threading.Event()
    before = [(number, signal.signal(number, lambda *_: ending.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    say(f"the monitor begins, process {os.getpid()}")
    try:
        while not ending.is_set():
            watching.look(datetime.now(UTC))
            left = watching.pause
            while left > 0 and not ending.wait(min(left, DELIVER_EVERY)):
                left -= DELIVER_EVERY
                watching.notifier.deliver(datetime.now(UTC))
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    say("the monitor ends; runs and schedules go on")
