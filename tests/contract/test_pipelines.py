"""ClearML's pipelines, a process for each step: decorated, of functions, cached, failing, tried again."""

from typing import Any

import pytest

from tests.contract.server import Server, Told

Pipeline = dict[str, Any]


@pytest.fixture(scope="module")
def runs(server: Server) -> dict[str, Told]:
    project = f"{server.project}/flows"
    return {
        "decorated": server.run("flow_decorated", project, "10", timeout=240),
        "again": server.run("flow_decorated", project, "20", timeout=240),
        "functions": server.run("flow_functions", project, timeout=240),
        "failing": server.run("flow_fails", project, status=1, expected=[""], timeout=240),
    }


@pytest.fixture(scope="module")
def left(server: Server, runs: dict[str, Told]) -> Told:
    """What another process finds afterwards, for each run."""
    return server.run("flow_read", *(f"{name}={run['controller']}" for name, run in runs.items()))


def statuses(pipeline: Pipeline) -> dict[str, str]:
    return {name: status for name, (_, status, _) in pipeline["graph"].items()}


def test_nothing_to_complain_about(runs: dict[str, Told], left: Told) -> None:
    assert [run.complaints for run in (*runs.values(), left)] == [[]] * 5


def test_results(runs: dict[str, Told], left: Told) -> None:
    assert [runs[name]["answer"] for name in ("decorated", "again")] == [[6.0, 31.5], [6.0, 61.5]]
    assert left["decorated"]["artifacts"]["answer"]["answer"] == [6.0, 31.5]


def test_controller(server: Server, left: Told) -> None:
    pipeline = left["decorated"]
    assert [pipeline["status"], pipeline["type"], pipeline["version"]] == ["completed", "controller", "1.2.3"]
    assert pipeline["project"] == f"{server.project}/flows/.pipelines/decorated"
    assert "pipeline" in pipeline["system_tags"]
    assert pipeline["parameters"].items() >= {"Args/count": "3", "Args/label": f"{server.project}/flows"}.items()
    assert [pipeline["plots"], pipeline["found"]] == [["Pipeline", "Pipeline Details"], True]


def test_graph(left: Told) -> None:
    parents = {name: parents for name, (parents, _, _) in left["decorated"]["graph"].items()}
    assert parents == {"load": [], "scale": ["load"], "scale_1": ["load"], "combine": ["load", "scale", "scale_1"]}
    assert statuses(left["decorated"]) == dict.fromkeys(parents, "completed")


def test_each_step_is_a_task(left: Told) -> None:
    steps = {step["name"]: step for step in left["decorated"]["steps"]}
    assert [step["name"] for step in left["decorated"]["steps"]] == ["combine", "load", "scale", "scale"]
    assert {step["status"] for step in steps.values()} == {"completed"}
    assert steps["load"]["type"] == "data_processing"
    assert steps["load"]["arguments"].items() >= {"kwargs/count": "3"}.items()
    assert "loaded 3 numbers" in steps["load"]["console"]
    assert [steps["load"]["artifacts"], steps["load"]["returned"]] == [["numbers"], {"return/total": 3}]
    assert [steps["combine"]["tags"], steps["combine"]["inputs"]] == [["last"], 3]
    assert all(step["code"] for step in steps.values())


def test_second_run_takes_from_the_cache_what_had_the_same_arguments(left: Told) -> None:
    first, second = (left[name]["graph"] for name in ("decorated", "again"))
    assert statuses(left["again"]) == {
        "load": "cached",
        "scale": "cached",
        "scale_1": "completed",
        "combine": "completed",
    }
    same = [name for name in first if first[name][2] == second[name][2]]
    assert sorted(same) == ["load", "scale"]
    assert [step["name"] for step in left["again"]["steps"]] == ["combine", "scale"]


def test_pipeline_of_functions(runs: dict[str, Told], left: Told) -> None:
    assert [runs["functions"][name] for name in ("successful", "running", "running_steps")] == [True, False, {}]
    pipeline = left["functions"]
    parents = {name: parents for name, (parents, _, _) in pipeline["graph"].items()}
    assert parents == {"load": [], "double": ["load"], "label": ["load"], "join": ["double", "label"]}
    assert [pipeline["status"], sorted(runs["functions"]["processed"])] == ["completed", sorted(parents)]


def test_results_and_metrics_that_a_pipeline_takes_over_from_its_steps(left: Told) -> None:
    pipeline = left["functions"]
    assert pipeline["artifacts"]["joined"] == {"sum": 6, "labels": ["a name 0", "a name 1", "a name 2"]}
    assert pipeline["scalars"]["rows"]["loaded"]["y"] == [3.0]


def test_a_step_that_fails_fails_the_pipeline(left: Told) -> None:
    pipeline = left["failing"]
    steps = {step["name"]: step for step in pipeline["steps"]}
    assert [pipeline["status"], steps["broken"]["status"]] == ["failed", "failed"]
    assert "RuntimeError: fails after attempt 1" in steps["broken"]["console"]
    assert "after" not in steps


def test_a_step_is_tried_again(left: Told) -> None:
    (flaky,) = [step for step in left["failing"]["steps"] if step["name"] == "flaky"]
    assert [flaky["status"], flaky["returned"]] == ["completed", {"return/attempt": 2}]
    assert "the first attempt fails" in flaky["console"]
    assert statuses(left["failing"])["flaky"] == "completed"
