"""Run calls in worker processes; a process that dies fails only its own call."""

import signal
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any


def run_in_processes(
    function: Callable[..., Any],
    calls: list[tuple[Any, ...]],
    workers: int,
    started: Callable[[int], None] = lambda _: None,
    look: Callable[[], None] = lambda: None,
    every_s: float = 1.0,
) -> Generator[tuple[int, Any]]:
    """Run `function(*call)` for each call, at most `workers` at once, each on one thread.

    Each worker is a pool of one process, so that a dead process is matched to its call. `started` gets a call's index
    before a process gets the call. `look` is called every `every_s` seconds while all workers are busy.

    Yields:
        `(index, result)` in order of completion. If the call raised or its process died, the result is the
        exception.
    """
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
            # Yield only after the idle workers have new calls, so that no process waits for the consumer.
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
    """Create a pool of one process, which exits after 60 idle seconds, also if its parent died."""
    from joblib.externals.loky import ProcessPoolExecutor

    threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    return ProcessPoolExecutor(1, timeout=60, env=threads, initializer=leave_signals_to_parent)


def leave_signals_to_parent() -> None:
    """Ignore SIGINT and SIGTERM: the parent, which gets them too, ends its workers.

    Otherwise an interrupted worker would count as having died.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def replace_if_broken(worker: Any, error: Any) -> Any:
    """Return the worker, or a new worker if its process has died."""
    if not isinstance(error, BrokenProcessPool):
        return worker
    worker.shutdown(wait=True, kill_workers=True)
    return make_worker()


def count_workers(jobs: int) -> int:
    """Return `jobs`, or the number of usable cores for 0.

    Raises:
        ValueError: `jobs` is negative.
    """
    import joblib

    if jobs < 0:
        raise ValueError(f"training.jobs is {jobs}: it can be 0, for one job per core, or how many to run at once")
    return jobs or int(joblib.cpu_count())
