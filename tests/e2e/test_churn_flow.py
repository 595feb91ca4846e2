import html
import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from tests.e2e.conftest import ROOT, Finished, Place
from tests.support.recorded import libraries, observe

RECORDED = Path(__file__).with_name("recorded")
STEPS = ["download", "validate", "features", "version_dataset", "train_sweep", "register_best", "evaluate"]
FIND_ALL = """
import json, sys
from clearml import Dataset, Model, Task
document = json.loads(sys.argv[1])
run = Task.get_task(task_id=document["run_id"])
best = Task.get_task(task_id=document["experiments"]["best"]["task_id"])
steps = [Task.get_task(task_id=step["task_id"]) for step in document["steps"]]
dataset = Dataset.get(dataset_id=document["dataset"]["id"])
models = Model.query_models(tags=["production"])
print(json.dumps({
    "run": run.status,
    "type": str(run.task_type),
    "steps": [step.status for step in steps],
    "best": best.name,
    "single": best.get_reported_single_values(),
    "scalars": sorted(best.get_reported_scalars()),
    "plots": [plot["metric"] for plot in best.get_reported_plots()],
    "console": bool(steps[0].get_reported_console_output(5)),
    "artifacts": sorted(best.artifacts),
    "files": sorted(dataset.list_files()),
    "models": [model.id for model in models],
}))
"""


def test_the_experiments_of_a_run_are_found_by_flow_and_by_run(small_place: Place, first_run: Finished) -> None:
    document = first_run.document
    board = small_place.flows("experiments", "leaderboard", "--flow", "churn", "--json")
    assert json.loads(board.stdout)["experiments"][0]["id"] == document["experiments"]["best"]["task_id"]
    found = small_place.flows("experiments", "list", "--run", document["run_id"][:10], "--json")
    assert {one["name"] for one in json.loads(found.stdout)} == {"forest", "tree"}


def test_the_first_run_completes_with_the_document_of_the_contract(first_run: Finished) -> None:
    assert first_run.exit_code == 0, first_run.stderr
    document = first_run.document
    assert document["flow"] == "churn"
    assert document["status"] == "completed"
    assert document["backend"] == "embedded"
    assert document["error"] is None
    assert [step["name"] for step in document["steps"]] == STEPS
    assert all(
        step["status"] == "completed" and not step["cached"] and step["seconds"] > 0 for step in document["steps"]
    )
    assert len({step["task_id"] for step in document["steps"]}) == len(STEPS)
    assert document["dataset"]["rows"] == 600
    assert not document["dataset"]["reused"]
    assert re.fullmatch("[0-9a-f]{64}", document["dataset"]["sha256"])
    assert document["experiments"]["count"] == 2
    assert document["experiments"]["failed"] == 0
    assert document["experiments"]["best"]["metrics"]["cv_roc_auc"] > 0.7
    assert re.fullmatch("[0-9a-f]{64}", document["model"]["sha256"])
    assert {"production", "synthetic"} <= set(document["model"]["tags"])
    assert document["evaluation"]["metrics"]["test_roc_auc"] > 0.7
    assert document["evaluation"]["promoted"] is True
    assert document["evaluation"]["reason"]


def test_the_first_run_gives_what_was_recorded_of_it(small_place: Place, first_run: Finished, tmp_path: Path) -> None:
    """Numbers, hashes and pages are those of earlier code. Who changes them on purpose records them anew: the failure
    names a folder with the files."""
    recorded = json.loads((RECORDED / "libraries.json").read_text("utf-8"))
    if recorded != libraries():
        pytest.skip(f"recorded with {recorded}, but installed are {libraries()}")
    observed = observe(first_run.document, small_place.folder)
    for name, text in observed.items():
        (tmp_path / name).write_text(text, "utf-8")
    for name, text in observed.items():
        assert text == (RECORDED / name).read_text("utf-8"), f"copy from {tmp_path} if that is meant"


def test_the_report_is_a_download_on_the_page_that_the_document_names(first_run: Finished) -> None:
    document = first_run.document
    page = requests.get(document["report"], timeout=10).text
    link = re.search(r'href="(/files/[^"]*/report\.html)"', page)
    assert link, page
    assert "model_card.md" in page
    report = requests.get(urljoin(document["report"], link[1]), timeout=10)
    assert report.headers["content-disposition"].startswith("attachment")
    for fact in (document["model"]["sha256"], document["dataset"]["sha256"], document["evaluation"]["reason"]):
        assert html.escape(fact) in report.text
    assert "2 experiments, 0 failed" in report.text


def test_progress_names_every_step_on_stderr(first_run: Finished) -> None:
    for name in STEPS:
        assert re.search(rf"s  {name}: completed", first_run.stderr), first_run.stderr


def test_a_second_run_reuses_the_dataset_and_the_cached_steps_and_says_so(
    small_place: Place, first_run: Finished
) -> None:
    second = small_place.flow("--source", "synthetic", "--json", "--no-progress")
    assert second.exit_code == 0, second.stderr
    assert second.stderr == ""
    before, after = first_run.document, second.document
    assert [step["name"] for step in after["steps"] if step["cached"]] == STEPS[1:-1]
    assert after["dataset"] == {**before["dataset"], "reused": True}
    assert after["model"]["id"] == before["model"]["id"]
    assert after["experiments"] == before["experiments"]
    assert after["run_id"] != before["run_id"]
    shown = json.loads(small_place.flows("runs", "show", after["run_id"][:12], "--json").stdout)
    why = {step["name"]: step["cache"] for step in shown["steps"]}
    for step in before["steps"][1:-1]:
        assert why[step["name"]].startswith(f"cached: equal hash to task {step['task_id'][:8]}, completed ")
    assert why["download"] == why["evaluate"] == "not cached: this step always runs"


def test_killing_the_backend_and_starting_it_again_keeps_all(small_place: Place, first_run: Finished) -> None:
    status = json.loads(small_place.flows("server", "status", "--json").stdout)
    small_place.python("-c", f"import os, signal; os.kill({status['pid']}, signal.SIGKILL)")
    again = json.loads(small_place.flows("server", "up", "--json").stdout)
    assert again["api_url"] == status["api_url"]
    document = first_run.document
    found = small_place.python(
        "-W", "ignore", "-c", FIND_ALL, json.dumps(document), CLEARML_CONFIG_FILE=again["config_file"]
    )
    assert found.exit_code == 0, found.stderr
    seen = json.loads(found.stdout.splitlines()[-1])
    assert seen["run"] == "completed"
    assert seen["type"] == "controller"
    assert seen["steps"] == ["completed"] * len(STEPS)
    assert seen["best"] == document["experiments"]["best"]["name"]
    assert seen["single"]["cv_roc_auc"] == pytest.approx(document["experiments"]["best"]["metrics"]["cv_roc_auc"])
    assert seen["scalars"]
    assert seen["plots"]
    assert seen["console"]
    assert "model" in seen["artifacts"]
    assert {"train.parquet", "test.parquet"} <= set(seen["files"])
    assert document["model"]["id"] in seen["models"]


def test_data_with_a_column_missing_ends_with_exit_code_2_and_one_sentence(small_place: Place, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("customerID,gender\n" + "".join(f"{n:04}-ABCDE,Male\n" for n in range(300)), "utf-8")
    run = small_place.flow("--source", str(bad), "--no-progress")
    assert run.exit_code == 2
    assert re.fullmatch(
        r"error: step validate failed: bad data: bad\.csv: column SeniorCitizen is missing; .*\n", run.stderr
    )
    assert "Traceback" not in run.stdout + run.stderr


def test_the_tours_of_readme_and_docs_run_as_they_stand(small_place: Place, first_run: Finished) -> None:
    pages = ("README.md", "docs/experiments.md", "docs/datasets.md", "docs/models.md")
    tours = [(ROOT / page).read_text("utf-8").partition("## A tour")[2].split("```")[1] for page in pages]
    taken = small_place.shell("".join(tours))
    assert taken.exit_code == 0, taken.stderr
    told_by_all = ("cv_roc_auc", "evaluate", "forest leads", "* parameter", "experiments.html", "production")
    told_of_data = ("the same content is training 1.0.0", "by customerID: 480 added, 120 removed", "3 files verified")
    for told in (*told_by_all, *told_of_data, "copied version 1"):
        assert re.search(re.escape(told).replace("\\ ", " +"), taken.stdout), told
    assert "<h1>" in (small_place.folder / "experiments.html").read_text("utf-8")


def test_the_tracker_of_the_docs_works_as_it_stands(small_place: Place, first_run: Finished) -> None:
    code = (ROOT / "docs" / "experiments.md").read_text("utf-8").partition("```python")[2].partition("```")[0]
    assert "ClearMLTracker" in code
    ran = small_place.python("-W", "ignore", "-c", code)
    assert ran.exit_code == 0, ran.stderr
    listed = small_place.flows("experiments", "list", "--project", "my project", "--metric", "accuracy", "--json")
    assert [one["metrics"] for one in json.loads(listed.stdout)] == [{"accuracy": 0.9}]
