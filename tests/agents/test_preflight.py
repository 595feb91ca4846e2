"""Where a run on agents would wait in silence, it is refused at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.agents.conftest import COMPLETED, Fleet
from tests.e2e.test_refusals import one_sentence
from tests.support.agents import running_agent, wait_until


def refused(fleet: Fleet, pattern: str, *options: str, **environment: str) -> None:
    before = every_task(fleet)
    run = fleet.place.flow("--json", "--source", "synthetic", *options, timeout=60, **environment)
    one_sentence(run, 5, pattern)
    assert every_task(fleet) == before


def every_task(fleet: Fleet) -> list[str]:
    found = fleet.api.call("tasks.get_all", search_hidden=True, only_fields=["id"])["tasks"]
    return sorted(task["id"] for task in found)


def test_an_unknown_queue(fleet: Fleet) -> None:
    refused(fleet, r"there is no queue 'defautl' on http.*did you mean 'default'\?", "--queue", "defautl")


def test_an_unknown_queue_for_the_controller(fleet: Fleet) -> None:
    refused(fleet, "there is no queue 'elsewhere'", "--remote", "--set", "queues.services=elsewhere")


def test_a_queue_without_a_worker(fleet: Fleet) -> None:
    fleet.api.call("queues.create", name="lonely")
    refused(fleet, "no live agent watches the queue 'lonely'; start one", "--queue", "lonely")
    began = time.monotonic()
    refused(fleet, "watches the queue 'lonely' after 1 s", "--queue", "lonely", "--wait-for-worker", "1")
    assert time.monotonic() - began < 30


def test_wrong_credentials(fleet: Fleet) -> None:
    wrong = {"CLEARML_API_HOST": fleet.backend.api_url, "CLEARML_API_ACCESS_KEY": "nobody"}
    refused(fleet, "does not take the configured", "--queue", "default", CLEARML_API_SECRET_KEY="secret", **wrong)


def test_a_queue_is_made_and_its_worker_waited_for(fleet: Fleet, tmp_path: Path) -> None:
    options = ("--json", "--source", "synthetic", "--queue", "fresh", "--create-queue", "--wait-for-worker", "120")
    with ThreadPoolExecutor() as pool:
        started = pool.submit(fleet.place.flow, *options)
        wait_until(lambda: "fresh" in queues(fleet), "the queue is there")
        with running_agent(fleet.backend, fleet.python, tmp_path, "late", "fresh") as late:
            run = started.result()
    assert run.exit_code in COMPLETED, run.stderr
    workers = {fleet.task(step["task_id"])["last_worker"] for step in run.document["steps"]}
    assert workers == {late.worker_id}


def queues(fleet: Fleet) -> list[str]:
    return [queue["name"] for queue in fleet.api.call("queues.get_all")["queues"]]


def test_a_controller_whose_own_worker_is_the_only_one_for_its_steps_fails_and_says_so(
    fleet: Fleet, tmp_path: Path
) -> None:
    with running_agent(fleet.backend, fleet.python, tmp_path, "alone", "alone"):
        queues = ("--queue", "alone", "--set", "queues.services=alone")
        run = fleet.place.flow("--json", "--source", "synthetic", "--remote", *queues)
    assert run.exit_code == 1
    assert run.document["status"] == "failed"
    assert "the queue 'alone' of the steps but, at most, alone:cpu:0, which is busy" in run.document["error"]
