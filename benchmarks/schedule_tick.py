"""Measure time and memory of the scheduler's ticks.

    python benchmarks/schedule_tick.py [--ticks 100000]

It uses 1,000 schedules and a store on disk, but starts no processes. Each tick gets its time as an argument.
"""

import argparse
import statistics
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clearml_flows.schedule.engine import Engine, RunState
from clearml_flows.schedule.records import Run
from clearml_flows.schedule.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
WAYS: dict[str, Any] = {
    "flow": "churn",
    "options": [],
    "max_runs": None,
    "overlap": "forbid",
    "catch_up": "latest",
    "grace": 300,
    "jitter": 0,
}


class Nowhere:
    """A backend without Tasks. Processes end before the first check."""

    def launch(self, run: Run) -> tuple[int, float]:
        return run.number, 0.0

    def alive(self, run: Run) -> bool:
        return run.pid is None

    def running(self) -> list[RunState]:
        return []

    def find(self, key: str) -> RunState | None:
        return RunState("task", "completed", (key,), timedelta())

    def stop(self, run: Run | str, why: str = "") -> None:
        raise AssertionError(f"no run overlaps another here, yet {run} is to be stopped: {why}")

    def discard(self, task: str) -> None:
        raise AssertionError(f"no run has a second Task here, yet {task} is to be discarded")


def scheduler(folder: Path, count: int) -> Engine:
    """Return a scheduler with `count` schedules of all kinds in three time zones."""
    store, nowhere = Store(folder), Nowhere()
    zones = ("UTC", "Europe/Berlin", "America/New_York")
    for number in range(count):
        kind = ("interval", "daily", "cron")[number % 3]
        timing = {
            "interval": str(600 + number),
            "daily": f"{number % 24:02}:{number % 60:02}",
            "cron": f"{number % 60} */2 * * mon-fri",
        }[kind]
        store.add(f"s{number}", START, kind=kind, timing=timing, zone=zones[number % 3], **WAYS)
    return Engine(store, nowhere, nowhere, timedelta(minutes=10), 10, lambda _line: None)


def tick(engine: Engine, now: datetime) -> tuple[float, float, int]:
    """Run a tick and end the runs that it started.

    Returns milliseconds, milliseconds of CPU time, and the number of started runs.
    """
    began, computed = time.perf_counter(), time.process_time()
    engine.tick(now)
    computing = (time.process_time() - computed) * 1000
    milliseconds = (time.perf_counter() - began) * 1000
    started = engine.store.open_runs()
    with engine.store.together():
        for run in started:
            engine.store.move(run, ("launched",), "done", ended=now)
    return milliseconds, computing, len(started)


def measure(folder: Path) -> None:
    engine = scheduler(folder, 1000)
    now = START
    while tick(engine, now)[-1] or engine.store.due(now, 1):
        now += timedelta(seconds=1)
    taken = [tick(engine, now + timedelta(seconds=second)) for second in range(1, 1801)]
    most = max(started for *_times, started in taken)
    print(f"1,000 schedules, half an hour of ticks, one a second; up to {most} runs started in one; milliseconds")
    for name, values in (
        ("nothing due", [times for *times, started in taken if not started]),
        ("runs due", [times for *times, started in taken if started]),
    ):
        all_of_it, computing = (sorted(column) for column in zip(*values, strict=True))
        worst = all_of_it[int(len(values) * 0.99)]
        middle = statistics.median(all_of_it), statistics.median(computing)
        print(
            f"  {name:11} {len(values):5} ticks: median {middle[0]:.2f} (computing {middle[1]:.2f}), 99 % {worst:.2f}"
        )
    *late, started = tick(engine, now + timedelta(days=3))
    print(f"  after three days of sleep, {started} runs made up for: {late[0]:.1f} (computing {late[1]:.1f})")


def remember(folder: Path, ticks: int) -> None:
    engine = scheduler(folder, 10)
    tracemalloc.start()
    marks = []
    for number in range(ticks):
        tick(engine, START + timedelta(seconds=10 * number))
        if number % (ticks // 4) == ticks // 8:
            marks.append(tracemalloc.get_traced_memory()[0])
    print(f"{ticks:,} ticks, one each ten seconds: KiB in use along the way {[round(mark / 1024) for mark in marks]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=100_000)
    ticks = parser.parse_args().ticks
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "speed")
        remember(Path(folder) / "memory", ticks)


if __name__ == "__main__":
    main()
