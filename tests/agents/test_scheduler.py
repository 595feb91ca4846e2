"""The scheduler as a Task on an agent that is killed in the middle: another one goes on, and each run is there once."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.schedule.records import Run
from clearml_flows.schedule.shared import Shared
from clearml_flows.schedule.stores import project, shared_store
from clearml_flows.settings import load
from tests.agents.conftest import Fleet
from tests.e2e.conftest import ROOT, Place, make_place
from tests.support.agents import running_agent, wait_until

FAKE_FLOW = ROOT / "tests" / "support" / "fake_remote_flow.py"
QUEUE = "schedulers"


@pytest.fixture
def place(fleet: Fleet, tmp_path: Path) -> Iterator[Place]:
    """A user's machine, with a server and nothing else in common with the agents."""
    keys = {"CLEARML_API_ACCESS_KEY": fleet.api.access_key, "CLEARML_API_SECRET_KEY": fleet.api.secret_key}
    place = make_place(tmp_path / "laptop", CLEARML_API_HOST=fleet.backend.api_url, **keys)
    settings = place.folder / "settings.toml"
    prefix = json.dumps([str(fleet.python), "-P", str(FAKE_FLOW), str(tmp_path / "notes")])
    settings.write_text(settings.read_text("utf-8").replace("prefix = []", f"prefix = {prefix}"), "utf-8")
    yield place
    place.flows("schedule", "stop", "--remote")


def history(fleet: Fleet) -> list[Run]:
    """The runs, the earliest first."""
    api = Api(fleet.api.url, fleet.api.access_key, fleet.api.secret_key)
    with closing(shared_store(Shared(api, project(load())))) as store:
        return list(reversed(store.runs(store.schedule("often"), 10)))


def under_way(fleet: Fleet) -> bool:
    """Whether there are runs, and each has its Task: on a machine that is not too busy, the first and no other."""
    runs = history(fleet)
    return bool(runs) and all(run.task for run in runs)


def end_runs(fleet: Fleet) -> list[str]:
    """Complete the Tasks of runs, as their own agents do. Their ids."""
    found = fleet.api.call("tasks.get_all", tags=["scheduled"], status=["in_progress"], only_fields=["id"])["tasks"]
    for task in found:
        fleet.api.call("tasks.completed", task=task["id"])
    return [task["id"] for task in found]


def all_done(fleet: Fleet) -> bool:
    end_runs(fleet)
    return [run.state for run in history(fleet)] == ["done"] * 4


def test_another_agent_goes_on_where_one_was_killed(fleet: Fleet, place: Place, tmp_path: Path) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(running_agent(fleet.backend, fleet.python, tmp_path, "mortal", QUEUE, services=True))
        started = place.flows("schedule", "start", "--remote", "--queue", QUEUE, "--json")
        assert started.exit_code == 0, started.stderr
        task = started.document["task"]
        second = place.flows("schedule", "start", "--remote", "--queue", QUEUE)
        assert (second.exit_code, second.stderr.count("\n")) == (4, 1)
        assert f"Task {task}" in second.stderr
        ways = ("--max-runs", "4", "--catch-up", "all", "--overlap", "allow", "--remote", "--json")
        made = place.flows("schedule", "interval", "7", "--name", "often", *ways)
        assert made.exit_code == 0, made.stderr
        wait_until(lambda: under_way(fleet), "a run has its Task", 300, log=one.log)
        one.kill()
        assert end_runs(fleet)
        assert "begun" in {run.state for run in history(fleet)}
        stack.enter_context(running_agent(fleet.backend, fleet.python, tmp_path, "heir", QUEUE, services=True))
        (queue,) = [queue["id"] for queue in fleet.api.call("queues.get_all")["queues"] if queue["name"] == QUEUE]
        fleet.api.call("tasks.reset", task=task, force=True)
        fleet.api.call("tasks.enqueue", task=task, queue=queue)
        wait_until(lambda: all_done(fleet), "four runs are done", 300, every=0.5)
        scheduler = fleet.task(task)
        assert scheduler["status"] == "in_progress"
        assert scheduler["last_worker"].startswith("heir")
        assert place.flows("schedule", "stop", "--remote", "--json").document == {"stopped": [task]}
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text("utf-8").splitlines()]
    keys = [note["key"] for note in notes]
    assert len(set(keys)) == len(keys) == 4
    assert sorted(keys) == [run.key for run in history(fleet)]
    assert {note["own"] for note in notes} == {None}
    assert notes[0]["command"][-2:] == ["--remote", "--detach"]
    assert re.fullmatch(r".*/flows-\w+/flows/churn_flow\.py", notes[0]["command"][1])
    assert not list((place.folder / ".flows").glob("schedules.*"))
