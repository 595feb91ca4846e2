"""The process of one run: it takes the run over, unless another has, runs the flow's command and records how it ended.

python -m ops.schedule.child FOLDER NUMBER
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flows
from flows.errors import FlowsError, GateSaidNo, Locked
from flows.roles import SHARED, TAGS
from flows.settings import load
from ops.schedule.processes import me
from ops.schedule.records import REPLACED, Run, Schedule, text
from ops.schedule.store import Store

FLOWS = Path(flows.__file__).parent


def main(folder: str, number: str) -> int:
    store = Store(Path(folder))
    run = store.run(int(number))
    schedule = store.by_id(run.schedule)
    pid, born = me()
    if not store.move(run, ("claimed", "launched"), "begun", pid=pid, born=born, began=datetime.now(UTC)):
        _say(f"{schedule.name}: the run of {text(run.scheduled)} has a process already")
        return 0
    try:
        words = [*load().schedule.prefix, *command(schedule.flow, schedule.options)]
        exit_code, told, error = _run(words, _variables(schedule, run))
    except (FlowsError, OSError) as wrong:
        exit_code, told, error = 1, {}, str(wrong)
    _record(store, run, schedule, exit_code, told, error)
    return exit_code


def command(flow: str, options: Sequence[str]) -> list[str]:
    """The command line of a run."""
    return [sys.executable, str(FLOWS / f"{flow}_flow.py"), "--json", "--no-progress", *options]


def _variables(schedule: Schedule, run: Run) -> dict[str, str]:
    return {TAGS: ",".join(run.tags), SHARED: "1" if schedule.overlap == "allow" else ""}


def _run(command: list[str], variables: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Its exit code, the document that it printed, and the last line of its errors."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
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
    now = datetime.now(UTC)
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
    raise SystemExit(main(*sys.argv[1:]))
