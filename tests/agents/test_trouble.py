"""Steps and agents in trouble: each run ends, with the status that is right."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clearml_flows.run import snapshot
from clearml_flows.run.ending import unfinished
from tests.agents.conftest import Fleet
from tests.e2e.conftest import ROOT
from tests.support.agents import running_agent, wait_until
from tests.support.cable import cable_to
from tests.support.running import Running

REPORTING = """\
import time
from clearml import Task
task = Task.init()
for step in range(20):
    task.get_logger().report_scalar("step", "step", value=step, iteration=step)
    time.sleep(0.5)
"""


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("flood", "completed", ""),
        ("disk", "failed", "worker execution exit code 1 on "),
        ("memory", "failed", "worker execution exit code 1 on "),
        ("killed", "failed", "it was killed, as happens where memory runs short"),
        ("asleep", "failed", "it took longer than the 4 s that run.step_timeout allows"),
    ],
)
def test_a_step_that_takes_too_much_ends_with_the_right_status(
    fleet: Fleet, tmp_path: Path, kind: str, status: str, told: str
) -> None:
    variables = {"CLEARML_CONFIG_FILE": fleet.backend.status.config_file, "FLOWS_QUEUE": "default"}
    variables |= {"FLOWS__RUN__STEP_TIMEOUT": "4" if kind == "asleep" else "300"}
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / "tests" / "support" / "bad_flow.py"), kind],
        env=fleet.place.environment | variables | {"FLOWS_RUN_FILE": str(tmp_path / "run")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode == 0) is (status == "completed"), done.stderr
    run = snapshot.read(fleet.api, (tmp_path / "run").read_text("utf-8"))
    assert run.status == status
    assert run.step("misbehave").status == status
    assert told in run.step("misbehave").message
    assert fleet.task(run.step("misbehave").task_id)["last_worker"] in {one.worker_id for one in fleet.workers}
    assert unfinished(fleet.api, run.run_id) == []
    wait_until(lambda: not [one for worker in fleet.workers for one in worker.family()], "the workers are idle again")


def test_an_agent_that_loses_its_connection_for_a_while_ends_its_step(fleet: Fleet, tmp_path: Path) -> None:
    script = {"binary": "python3", "diff": REPORTING, "entry_point": "reporting.py", "working_dir": "."}
    task = str(fleet.api.call("tasks.create", name="reporting", type="custom", script=script)["id"])
    with (
        cable_to(fleet.backend.api_url) as cable,
        running_agent(fleet.backend, fleet.python, tmp_path, "far", "far-away", CLEARML_API_HOST=cable.url) as far,
    ):
        fleet.api.call("tasks.enqueue", task=task, queue_name="far-away")
        wait_until(lambda: reported(fleet, task) > 2, "the step reports", log=far.log)
        cable.cut()
        before = reported(fleet, task)
        with pytest.raises(AssertionError, match="it reports"):
            wait_until(lambda: reported(fleet, task) > before + 1, "it reports", seconds=3)
        cable.mend()
        assert fleet.wait_for(task) == "completed"
    assert reported(fleet, task) == 19


def test_an_interrupted_launcher_stops_the_run_that_is_on_agents(fleet: Fleet) -> None:
    running = Running(fleet.place, fleet.api, "validate", "--no-cache", "--remote")
    running.process.send_signal(signal.SIGINT)
    code, stdout, stderr = running.end()
    assert code == 1
    assert stdout == ""
    assert "error: churn was interrupted" in stderr
    run = snapshot.read(fleet.api, running.run_id)
    assert (run.status, run.step("validate").status) == ("stopped", "stopped")
    assert unfinished(fleet.api, run.run_id) == []
    agents = (*fleet.workers, fleet.services)
    wait_until(lambda: not [one for agent in agents for one in agent.family()], "the agents are idle again")
    assert snapshot.read(fleet.api, running.run_id) == run


def reported(fleet: Fleet, task: str) -> int:
    return int(fleet.task(task).get("last_iteration") or 0)
