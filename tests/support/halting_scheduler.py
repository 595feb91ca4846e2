"""`flows schedule start`, which halts after one of the three steps of a launch and waits to be killed.

    python -m tests.support.halting_scheduler claim|launch|mark

At `launch` the process of the run is halted too, before it has begun the run. Prints a line when it has halted.
"""

import os
import signal
import sys

from clearml_flows.schedule import loop
from clearml_flows.schedule.processes import LocalProcesses
from clearml_flows.schedule.records import Run
from clearml_flows.settings import load

point = sys.argv[1]
launch_for_real = LocalProcesses.launch


def halt(pid: int = 0) -> None:
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
    while True:
        signal.pause()


def launch(self: LocalProcesses, run: Run) -> tuple[int, float]:
    if point == "claim":
        halt()
    pid, born = launch_for_real(self, run)
    if point == "launch":
        os.kill(pid, signal.SIGSTOP)
        halt(pid)
    return pid, born


def say(line: str) -> None:
    if point == "mark" and "is started" in line:
        halt()


LocalProcesses.launch = launch  # type: ignore[method-assign]  # the seam of this test
loop.start(load(), say)
