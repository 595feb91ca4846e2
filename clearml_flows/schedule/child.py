"""Process of one scheduled run: claim the run, run the flow's command, record its outcome.

    python -m clearml_flows.schedule.child FOLDER NUMBER

FOLDER is the data directory, or `-` if the schedules are in the backend. The flow's command then only
enqueues the run's controller. The scheduler reads the outcome of such a run from the backend.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clearml_flows import project
from clearml_flows.catalog import flow_file
from clearml_flows.errors import FlowsError, GateSaidNo, Locked, Unreachable
from clearml_flows.run.options import KEY, SHARED, TAGS
from clearml_flows.run.snapshot import RUNNING
from clearml_flows.schedule.processes import IN_BACKEND, me
from clearml_flows.schedule.records import REPLACED, Run, Schedule, text
from clearml_flows.schedule.store import Store
from clearml_flows.schedule.stores import open_shared, shared_store
from clearml_flows.settings import load

REMOTE = ("--remote", "--detach")
BEGIN_TRIES = 5


def main(folder: str, number: str) -> int:
    """Run one scheduled run and return its exit code (0 if another process has the run already)."""
    shared = folder == IN_BACKEND
    with closing(shared_store(open_shared(load())) if shared else Store(Path(folder))) as store:
        run = store.run(int(number))
        schedule = store.by_id(run.schedule)
        if not _begin(store, run):
            _say(f"{schedule.name}: the run of {text(run.scheduled)} has a process already")
            return 0
        try:
            words = [*load().schedule.prefix, *command(schedule.flow, [*schedule.options, *(REMOTE if shared else ())])]
            exit_code, told, error = _run(words, _variables(schedule, run, shared))
        except (FlowsError, OSError) as wrong:
            exit_code, told, error = 1, {}, str(wrong)
        with store.together():
            _record(store, run, schedule, exit_code, told, error)
        return exit_code


def _begin(store: Store, run: Run) -> bool:
    """Take the run for this process and return True, or False if another process has the run.

    A request that got no answer may still have changed the state, so the next try checks for this case.
    """
    pid, born = me()
    for pause in range(BEGIN_TRIES):
        try:
            if store.move(run, ("claimed", "launched"), "begun", pid=pid, born=born, began=datetime.now(UTC)):
                return True
            return _is_ours(store, run)
        except Unreachable:
            time.sleep(2**pause)
    return False


def _is_ours(store: Store, run: Run) -> bool:
    now = store.run(run.number)
    return now.state == "begun" and (now.pid, now.born) == me()


def command(flow: str, options: Sequence[str]) -> list[str]:
    """Return the command line that runs a flow with these options."""
    return [sys.executable, str(flow_file(flow)), "--json", "--no-progress", *options]


def _variables(schedule: Schedule, run: Run, shared: bool) -> dict[str, str]:
    # The lock is per machine. An agent would hold it only while it creates a run's Task, and block other schedules.
    overlaps = shared or schedule.overlap == "allow"
    return {TAGS: ",".join(run.tags), SHARED: "1" if overlaps else "", KEY: run.key if shared else ""}


def _run(command: list[str], variables: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Run the command; return its exit code, its JSON document and its last line of stderr."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **project.environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())
    printed, errors = process.communicate()
    sys.stderr.write(errors)
    return process.returncode, _document(printed), (errors.strip().splitlines() or [""])[-1]


def _document(printed: str) -> dict[str, Any]:
    try:
        return dict(json.loads(printed))
    except ValueError:
        return {}


def _record(store: Store, run: Run, schedule: Schedule, exit_code: int, told: dict[str, Any], error: str) -> None:
    if not _is_ours(store, run):
        return  # the scheduler took this process for dead and started another
    now = datetime.now(UTC)
    if exit_code == 0 and told.get("status") in RUNNING:
        store.move(run, ("begun",), "begun", task=told["run_id"])
        _say(f"{schedule.name}: the run of {text(run.scheduled)} is {told['status']}, Task {told['run_id']}")
        return
    state = {0: "done", GateSaidNo.exit_code: "done", Locked.exit_code: "skipped"}.get(exit_code, "failed")
    why = run.why if state == "done" else str(told.get("error") or error or f"exit code {exit_code}")
    if store.run(run.number).why == REPLACED and state != "done":
        state, why = "skipped", REPLACED
    store.move(run, ("begun",), state, ended=now, exit_code=exit_code, task=told.get("run_id"), why=why)
    if state != "done":
        store.notice(now, schedule.name, run.scheduled, state, why)
    _say(f"{schedule.name}: the run of {text(run.scheduled)} is {state}{': ' + why if why else ''}")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{text(datetime.now(UTC))} {sentence}\n")


if __name__ == "__main__":
    try:
        raise SystemExit(main(*sys.argv[1:]))
    except FlowsError as wrong:
        _say(f"error: {wrong}")
        raise SystemExit(wrong.exit_code) from None
