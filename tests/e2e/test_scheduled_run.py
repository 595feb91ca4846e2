"""The flow itself, started by a schedule whose scheduler is killed, and as cron starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.schedule.store import Store
from clearml_flows.settings import load
from tests.e2e.conftest import ROOT, Finished, Place
from tests.schedule.conftest import WAYS


def controllers(api: Api, tag: str) -> list[dict[str, Any]]:
    fields = ["id", "status", "tags"]
    return list(api.call("tasks.get_all", tags=[tag], search_hidden=True, only_fields=fields)["tasks"])


def python(place: Place, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=place.environment,
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_between_launch_and_mark_and_started_again_it_is_one_run(
    small_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(small_place.folder / ".flows")
    ways = {**WAYS, "max_runs": 1, "options": ["--source", "synthetic"]}
    due = store.add("due", datetime.now(UTC) - timedelta(hours=2), **ways)
    halting = python(small_place, "-m", "tests.support.halting_scheduler", "launch")
    assert halting.stdout
    halted = int(halting.stdout.readline())
    halting.kill()
    halting.communicate()
    scheduler = python(small_place, "-m", "clearml_flows", "schedule", "start")
    try:
        _wait_for(store, due.id, "begun")
        os.kill(halted, signal.SIGCONT)
        _wait_for(store, due.id, "done")
    finally:
        scheduler.terminate()
        _printed, told = scheduler.communicate(timeout=30)
    assert scheduler.returncode == 0, told
    run = store.runs(due, 10)[0]
    monkeypatch.setenv("FLOWS_SETTINGS", str(small_place.folder / "settings.toml"))
    api = connect(load()).api
    (task,) = controllers(api, run.key)
    assert (task["id"], task["status"]) == (run.task, "completed")
    assert {"scheduled", run.key} <= set(task["tags"])
    shown = json.loads(small_place.flows("schedule", "show", "due", "--json").stdout)
    store.close()
    assert (shown["state"], shown["history"][0]["state"], shown["last"]["state"]) == ("finished", "done", "done")


def _wait_for(store: Store, schedule: str, state: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while store.runs(store.by_id(schedule), 1)[0].state != state:
        assert time.monotonic() < deadline, store.runs(store.by_id(schedule), 1)
        time.sleep(0.1)


def test_under_cron_all_well_is_one_line(small_place: Place) -> None:
    """From another folder, with next to no environment, without a terminal."""
    settings = {name: value for name, value in small_place.environment.items() if name.startswith("FLOWS")}
    bare = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT), **settings}
    done = subprocess.run(
        [sys.executable, str(ROOT / "flows" / "churn_flow.py"), "--source", "synthetic"],
        env=bare,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    finished = Finished(done.returncode, done.stdout, done.stderr)
    assert finished.exit_code in (0, 3), finished
    assert finished.stderr == ""
    assert re.fullmatch(
        r"churn completed after \d+ s, the data is made up, test_roc_auc 0\.\d{4}, "
        r"(promoted to production|not promoted: .+): http://127\.0\.0\.1:\d+/\S+\n",
        finished.stdout,
    )
