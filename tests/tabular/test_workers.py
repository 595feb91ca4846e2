"""Calls in processes: results, errors, deaths, and how many run at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.tabular.workers import count_workers, run_in_processes


def square(number: int) -> tuple[int, str | None]:
    if number < 0:
        raise ValueError(f"{number} is negative")
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number, os.environ.get("OMP_NUM_THREADS")


def collect(numbers: list[int], workers: int) -> tuple[dict[int, Any], list[int]]:
    started: list[int] = []
    results = dict(run_in_processes(square, [(number,) for number in numbers], workers, started.append))
    return results, started


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_every_call_gives_its_result_on_one_thread(workers: int) -> None:
    results, started = collect([1, 2, 3, 4], workers)
    assert results == {0: (1, "1"), 1: (4, "1"), 2: (9, "1"), 3: (16, "1")}
    assert started == [0, 1, 2, 3]


def test_an_error_is_the_result_of_its_call_alone() -> None:
    results, _ = collect([1, -2, 3], 2)
    assert isinstance(results[1], ValueError)
    assert str(results[1]) == "-2 is negative"
    assert (results[0][0], results[2][0]) == (1, 9)


def test_a_process_that_is_killed_takes_its_own_call_alone() -> None:
    results, _ = collect([1, 13, 3, 4], 2)
    assert "unexpectedly terminated" in str(results[1])
    assert [results[index][0] for index in (0, 2, 3)] == [1, 9, 16]


def show_and_wait(path: str) -> bool:
    Path(path).touch()
    deadline = time.monotonic() + 30
    while not Path(f"{path} seen").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return Path(f"{path} seen").exists()


def test_what_a_process_leaves_is_looked_at_before_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "shown"

    def look() -> None:
        if path.exists():
            Path(f"{path} seen").touch()

    assert dict(run_in_processes(show_and_wait, [(str(path),)], 1, look=look, every_s=0.01)) == {0: True}


def test_the_next_call_is_handed_out_before_the_end_of_one_is_told() -> None:
    started: list[int] = []
    stream = run_in_processes(square, [(1,), (2,), (3,)], 1, started.append)
    assert [(index, len(started)) for index, _ in stream] == [(0, 2), (1, 3), (2, 3)]


def touch(folder: str, number: int) -> int:
    mine = Path(folder, str(number))
    mine.touch()
    together = len(list(Path(folder).iterdir()))
    time.sleep(0.05)
    mine.unlink()
    return together


def test_no_more_run_at_once_than_allowed(tmp_path: Path) -> None:
    calls = [(str(tmp_path), number) for number in range(8)]
    assert max(together for _, together in run_in_processes(touch, calls, 2)) <= 2


def test_leaving_early_leaves_no_process(tmp_path: Path) -> None:
    calls = [(str(tmp_path), number) for number in range(8)]
    stream = run_in_processes(touch, calls, 2)
    next(stream)
    stream.close()
    before = set(tmp_path.iterdir())
    assert len(before) <= 2


INTERRUPTED = """
import pathlib, signal, sys
from clearml_flows.tabular.workers import run_in_processes
from tests.tabular.test_workers import show_and_wait

def take_time(*_):
    for path in sys.argv[1:]:
        pathlib.Path(f"{path} seen").touch()

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, take_time)
for outcome in run_in_processes(show_and_wait, [(path,) for path in sys.argv[1:]], 2):
    print("TOLD", outcome)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_is_for_the_parent_and_kills_no_call(tmp_path: Path, number: signal.Signals) -> None:
    paths = [tmp_path / name for name in "ab"]
    command = [sys.executable, "-c", INTERRUPTED, *map(str, paths)]
    root = Path(__file__).parents[2]
    child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, start_new_session=True, text=True)
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(child.pid, number)
    output, _ = child.communicate(timeout=60)
    assert sorted(output.splitlines()) == ["TOLD (0, True)", "TOLD (1, True)"]
    assert child.returncode == 0


def test_count_workers() -> None:
    assert count_workers(3) == 3
    assert count_workers(0) >= 1
    with pytest.raises(ValueError, match=r"training\.jobs is -1"):
        count_workers(-1)
