"""Calls run in processes of their own, a few at once; a process that dies takes its own call with it and no other.

Every function here may travel with a step.
"""

from collections.abc import Callable, Generator
from typing import Any


def run_in_processes(
    function: Callable[..., Any],
    calls: list[tuple[Any, ...]],
    workers: int,
    started: Callable[[int], None] = lambda _: None,
    look: Callable[[], None] = lambda: None,
    every_s: float = 1.0,
) -> Generator[tuple[int, Any]]:
    """Runs `function(*call)` for each call, at most `workers` at once, each on one thread.

    Each worker is a pool of one process, so that it is known whose death a dead process was. `started` is called with
    the index of a call as it is handed to a process, `look` every `every_s` seconds while all of them are busy.

    Yields:
        `(index, result)` in the order of completion; where the call raised or its process died, the result is that
        exception.
    """
    from concurrent.futures import FIRST_COMPLETED, wait

    waiting = list(range(len(calls)))[::-1]
    idle = [make_worker() for _ in range(min(workers, len(calls)))]
    running: dict[Any, tuple[int, Any]] = {}
    ended: list[tuple[int, Any]] = []
    try:
        while waiting or running:
            while waiting and idle:
                index, worker = waiting.pop(), idle.pop()
                started(index)
                running[worker.submit(function, *calls[index])] = index, worker
            # Told only now, so that no process waits for whoever is told.
            yield from ended
            done, _ = wait(running, every_s, FIRST_COMPLETED)
            if not done:
                look()
            ended = []
            for future in done:
                index, worker = running.pop(future)
                idle.append(replace_if_broken(worker, future.exception()))
                ended.append((index, future.exception() or future.result()))
        yield from ended
    finally:
        for worker in [*idle, *(worker for _, worker in running.values())]:
            worker.shutdown(wait=True, kill_workers=True)


def make_worker() -> Any:
    """A pool of one process, which ends after a minute without work, so also when its parent has died."""
    from joblib.externals.loky import ProcessPoolExecutor

    threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    return ProcessPoolExecutor(1, timeout=60, env=threads, initializer=leave_signals_to_parent)


def leave_signals_to_parent() -> None:
    """An interrupt is sent to all processes of a run: the parent ends these then, and none counts as having died."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def replace_if_broken(worker: Any, error: Any) -> Any:
    """The worker, or a new one in its place when its process has died."""
    from concurrent.futures.process import BrokenProcessPool

    if not isinstance(error, BrokenProcessPool):
        return worker
    worker.shutdown(wait=True, kill_workers=True)
    return make_worker()


def count_workers(jobs: int) -> int:
    """How many processes to use: `jobs`, or for 0 as many as there are cores that this process may use.

    Raises:
        ValueError: `jobs` is negative.
    """
    import joblib

    if jobs < 0:
        raise ValueError(f"training.jobs is {jobs}: it can be 0, for one job per core, or how many to run at once")
    return jobs or int(joblib.cpu_count())
