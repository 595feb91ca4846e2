"""Whatever is killed whenever, and whatever the clock does: no run twice, none lost without a record."""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from clearml_flows.schedule.records import Run
from tests.schedule.conftest import START, Scheduler, World


class KilledError(Exception):
    """Stands for SIGKILL. Real ones are in test_start.py."""


class Machine(World):
    """Processes that begin their runs at some later time, or never; a scheduler that is killed at its nth launch."""

    def __init__(self) -> None:
        super().__init__()
        self.kill_in = 0
        self.starting: list[tuple[int, int]] = []
        self.begun: Counter[str] = Counter()

    def launch(self, run: Run) -> tuple[int, float]:
        self.kill_in -= 1
        if self.kill_in == 0:
            raise KilledError  # claimed, not launched
        pid, born = super().launch(run)
        self.starting.append((run.number, pid))
        if self.kill_in == 1:
            self.kill_in = 0
            raise KilledError  # launched, not marked
        return pid, born


def begin_all(scheduler: Scheduler, machine: Machine) -> None:
    """What was launched begins its run, as a process of a run does: unless another has."""
    for number, pid in machine.starting:
        run = scheduler.store.run(number)
        if pid in machine.processes and scheduler.store.move(run, ("claimed", "launched"), "begun", pid=pid, born=0.0):
            machine.begun[run.key] += 1
            machine.task(run.key)
        else:
            machine.processes.discard(pid)
    machine.starting.clear()


events = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 7200)),
    st.tuples(st.just("back"), st.integers(1, 7200)),
    st.tuples(st.just("kill"), st.integers(1, 4)),
    st.tuples(st.just("begin"), st.just(0)),
    st.tuples(st.just("end"), st.just(0)),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(events, min_size=5, max_size=40),
    st.sampled_from(["forbid", "queue", "allow", "replace"]),
    st.sampled_from(["none", "latest", "all"]),
)
def test_no_run_twice_and_none_without_a_record(story: list[tuple[str, int]], overlap: str, catch_up: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine()
        scheduler = Scheduler(Path(folder), machine)
        scheduler.add(overlap=overlap, catch_up=catch_up, timing="1800", max_runs=20)
        for event, number in story:
            play(scheduler, machine, event, number)
        machine.kill_in = 0
        play(scheduler, machine, "tick", 0)
        begin_all(scheduler, machine)
        assert all(count == 1 for count in machine.begun.values()), machine.begun
        schedule = scheduler.store.schedule("hourly")
        runs = scheduler.store.runs(schedule, 1000)
        assert "claimed" not in {run.state for run in runs}
        assert schedule.claimed <= 20
        assert len({run.scheduled for run in runs}) == len(runs)
        dealt_with = sum(run.count for run in runs)
        due = (schedule.seen - START) // timedelta(seconds=1800)
        assert dealt_with >= due or schedule.state == "finished"
        scheduler.store.close()


def play(scheduler: Scheduler, machine: Machine, event: str, number: int) -> None:
    if event in ("tick", "back"):
        scheduler.now += timedelta(seconds=number if event == "tick" else -number)
    try:
        if event == "kill":
            machine.kill_in = number
            scheduler.now += timedelta(seconds=1800)
            scheduler.tick()
        elif event == "begin":
            begin_all(scheduler, machine)
        elif event == "end":
            scheduler.ends()
        else:
            scheduler.tick()
    except KilledError:
        scheduler.restart()
