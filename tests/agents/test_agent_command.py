"""`flows agent`: the official agent in the background, as users start, look at and stop it."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from clearml_flows.localserver.credentials import CREDENTIALS
from tests.agents.conftest import Fleet
from tests.e2e.conftest import Place
from tests.support.agents import wait_until, worker_ids

SLEEPER = "import time\nprint('asleep', flush=True)\ntime.sleep(600)\n"
QUICK = {"FLOWS__AGENTS__POLL": "0.5", "FLOWS__AGENTS__REPORT": "1"}


@pytest.fixture(scope="module", autouse=True)
def none_is_left(fleet: Fleet) -> Iterator[None]:
    """Also when a test fails half-way."""
    yield
    fleet.place.flows("agent", "stop")


def agent(place: Place, *options: str) -> list[dict[str, Any]]:
    done = place.flows("agent", *options, "--json", **QUICK)
    assert done.exit_code == 0, done.stderr
    return list(next(iter(done.document.values())))


def sleeper(fleet: Fleet, queue: str) -> str:
    """A Task in the queue that sleeps, longer than any test."""
    script = {"binary": "python3", "diff": SLEEPER, "entry_point": "sleeper.py", "working_dir": "."}
    task = str(fleet.api.call("tasks.create", name="sleeper", type="custom", script=script)["id"])
    fleet.api.call("tasks.enqueue", task=task, queue_name=queue)
    return task


def status_of(fleet: Fleet, task: str) -> str:
    return str(fleet.api.call("tasks.get_by_id", task=task)["task"]["status"])


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def sleeping(family: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in alive(family) if any("sleeper.py" in part for part in process.cmdline())]


def wait_for_sleeper(place: Place, pid: int) -> list[psutil.Process]:
    """Wait until the agent runs the sleeping script, and says so; all its processes."""
    daemon = psutil.Process(pid)
    wait_until(lambda: bool(sleeping(daemon.children(recursive=True))), "the sleeper runs")
    wait_until(lambda: agent(place, "status")[0]["state"] == "running", "the agent says that it runs something")
    return [daemon, *daemon.children(recursive=True)]


def test_start_look_and_stop(fleet: Fleet) -> None:
    place = fleet.place
    old = place.folder / ".flows" / "agents" / "long-gone.log"
    old.parent.mkdir(mode=0o700, exist_ok=True)
    old.touch()
    os.utime(old, (0, 0))
    [started] = agent(place, "start", "--queue", "commands", "--create-queue")
    assert (started["new"], started["state"], started["queues"]) == (True, "idle", ["commands"])
    assert started["worker"] in worker_ids(fleet.api)
    [again] = agent(place, "start", "--queue", "commands")
    assert (again["new"], again["worker"], again["pid"]) == (False, started["worker"], started["pid"])
    assert not old.exists()
    is_private(place.folder / ".flows" / "agents")
    no_secret_is_told(place, started)
    task = sleeper(fleet, "commands")
    family = wait_for_sleeper(place, started["pid"])
    [stopped] = agent(place, "stop", started["worker"])
    assert (stopped["was"], stopped["task"]["id"]) == ("running", task)
    assert alive(family) == []
    assert status_of(fleet, task) == "stopped"
    assert started["worker"] not in worker_ids(fleet.api)
    nothing_left = place.flows("agent")
    assert (nothing_left.exit_code, nothing_left.stdout) == (0, "")
    assert "no agent was started here" in nothing_left.stderr


def is_private(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def no_secret_is_told(place: Place, started: dict[str, Any]) -> None:
    credentials = json.loads((place.folder / ".flows" / CREDENTIALS).read_text())
    # The access key is the name of the pair: clearml-agent prints it.
    secrets = [credentials["secret_key"], credentials["token_secret"]]
    told = " ".join(psutil.Process(started["pid"]).cmdline()) + Path(started["log"]).read_text()
    assert "Listening to queues" in told
    assert not [secret for secret in secrets if secret in told]


def test_stopping_a_dead_agent_ends_what_it_left_running(fleet: Fleet) -> None:
    place = fleet.place
    [started] = agent(place, "start", "--queue", "commands", "--create-queue")
    task = sleeper(fleet, "commands")
    family = wait_for_sleeper(place, started["pid"])
    os.kill(started["pid"], signal.SIGKILL)
    wait_until(lambda: agent(place, "status")[0]["state"] == "dead", "its death is told")
    assert sleeping(family)
    [stopped] = agent(place, "stop")
    assert (stopped["worker"], stopped["was"]) == (started["worker"], "dead")
    assert alive(family) == []
    assert status_of(fleet, task) == "stopped"


def test_in_the_foreground_it_is_this_process(fleet: Fleet, tmp_path: Path) -> None:
    before = set(worker_ids(fleet.api))
    command = [sys.executable, "-m", "clearml_flows", "agent", "start", "--foreground", "--queue", "default"]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, env=fleet.place.environment, cwd=tmp_path, stdout=output, stderr=output)
    try:
        wait_until(lambda: bool(set(worker_ids(fleet.api)) - before), "it registers", log=tmp_path / "output")
        assert "agent_process.py - daemon" in " ".join(psutil.Process(process.pid).cmdline())
    finally:
        process.terminate()
        assert process.wait(timeout=30) is not None
    assert "Listening to queues" in (tmp_path / "output").read_text()
    assert set(worker_ids(fleet.api)) == before


@pytest.mark.parametrize(
    ("options", "environment", "code", "sentence"),
    [
        (["start", "--queue", "defualt"], {}, 2, "there is no queue 'defualt'; did you mean 'default'?"),
        (["start"], {"HOME": "/proc/nowhere"}, 1, "the agent for default did not start: "),
        (["stop", "nobody"], {}, 2, "no agent 'nobody' was started here"),
        (
            ["start"],
            {"CLEARML_API_HOST": "http://127.0.0.1:1", "CLEARML_API_ACCESS_KEY": "a", "CLEARML_API_SECRET_KEY": "b"},
            5,
            "no ClearML backend answers at http://127.0.0.1:1",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    fleet: Fleet, options: list[str], environment: dict[str, str], code: int, sentence: str
) -> None:
    done = fleet.place.flows("agent", *options, **environment)
    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {sentence}")
    assert done.stderr.count("\n") == 1
