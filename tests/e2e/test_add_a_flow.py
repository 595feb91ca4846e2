"""docs/add-a-flow.md, followed to the letter in a copy of the project; and the new flow's steps on their own."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clearml_flows.tabular.data.table_schema import load_schema
from tests.e2e.conftest import ROOT, Finished, Place
from tests.support.understood import check_understood

PAGE = (ROOT / "docs" / "add-a-flow.md").read_text("utf-8")
BLOCKS = re.findall(r"([^\n]*)\n\n```(\w*)\n(.*?)```\n", PAGE, re.S)
COPIED = ("clearml_flows", "flows", "components", "settings.toml", "pyproject.toml")


LOOK = """
import json, sys
from clearml_flows.backend.connection import connect
from clearml_flows.settings import load
task = connect(load()).api.call("tasks.get_by_id", task=sys.argv[1])["task"]
sections = task["hyperparams"]
skipped = ("Estimator", "return")
told = {name: task[name] for name in ("status", "type", "project")}
told["artifacts"] = sorted(one["key"] for one in task["execution"]["artifacts"])
told["parameters"] = {f"{name}/{key}": item["value"] for name in sections if name not in skipped
                      for key, item in sections[name].items() if key != "family"}
# A step alone has its modules on its own Task, a step of a run on the run's.
told["configuration"] = {key: item["value"] for key, item in task["configuration"].items() if key != "code"}
told["code"] = [task["script"].get(key) for key in ("diff", "requirements", "entry_point")]
told["metrics"] = sorted({item["metric"] for one in task["last_metrics"].values() for item in one.values()
                          if not item["variant"].startswith("test_") and item["metric"] != "Learning curve"})
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The project with the page's files in it."""
    folder = tmp_path_factory.mktemp("add-a-flow") / "project"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    place = Place(
        folder, {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore", "FLOWS__TRAINING__REPEATS": "1"}
    )
    make_flowers(folder / "data" / "iris.csv")
    for before, language, block in BLOCKS:
        if language in ("json", "toml", "python", "diff"):
            write(folder, before, language, block)
    with pytest.MonkeyPatch.context() as patch:
        # As where the project's environment is activated.
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        yield place
    place.flows("server", "down")


@pytest.fixture(scope="module")
def run(project: Place) -> Finished:
    return project.shell(next(block for _, language, block in BLOCKS if language == "sh" and "flows run" in block))


def make_flowers(path: Path) -> None:
    rng = np.random.default_rng(4)
    means = {"sepal_length": (5.9, 6.6), "sepal_width": (2.8, 3.0), "petal_length": (4.3, 5.5), "petal_width": (1.3, 2)}
    virginica = np.arange(100) % 2
    drawn = {name: np.choose(virginica, two) + rng.normal(scale=0.3, size=100) for name, two in means.items()}
    species = np.choose(virginica, ["versicolor", "virginica"])
    path.parent.mkdir()
    pd.DataFrame({**drawn, "species": species}).round(1).to_csv(path, index=False)


def write(folder: Path, before: str, language: str, block: str) -> None:
    """Does with a block what the line before it says."""
    found = re.search(r"(New file|At the end of|In) `([^`]+)`:$", before)
    assert found, before
    how, path = found[1], folder / found[2]
    if language == "diff":
        old, new = ("".join(line[1:] + "\n" for line in block.splitlines() if line[0] == sign) for sign in "-+")
        text = path.read_text("utf-8")
        assert (how, text.count(old)) == ("In", 1), f"the page changes lines that are not in {path}: {old}"
        path.write_text(text.replace(old, new), "utf-8")
    else:
        assert path.exists() == (how == "At the end of")
        with path.open("a", encoding="utf-8") as file:
            file.write(block)


def test_the_columns_that_pandas_writes_are_a_schema(project: Place) -> None:
    done = project.shell(next(block for _, language, block in BLOCKS if "pandas" in block))
    assert done.exit_code == 0, done.stderr
    draft = load_schema((project.folder / "iris-draft.json").read_text("utf-8"))
    written = json.loads((project.folder / "flows" / "schemas" / "iris.json").read_text("utf-8"))
    kinds = [[(column["name"], column["kind"]) for column in schema["columns"]] for schema in (draft, written)]
    assert (kinds[0], draft["target"]) == (kinds[1], written["target"])
    assert draft["columns"][-1] == written["columns"][-1]


def test_the_new_flow_runs_and_leaves_all_that_a_flow_leaves(project: Place, run: Finished) -> None:
    assert run.exit_code == 0, run.stderr
    runs, models = (json.loads(project.flows(noun, "list", "--json").stdout) for noun in ("runs", "models"))
    assert (runs[0]["flow"], runs[0]["status"]) == ("iris", "completed")
    datasets = json.loads(project.flows("datasets", "list", "--json").stdout)
    assert [(one["name"], one["rows"]) for one in datasets] == [("iris", 100)]
    assert (models[0]["name"], "production" in models[0]["tags"]) == ("iris", True)
    experiments = json.loads(project.flows("experiments", "list", "--flow", "iris", "--json").stdout)
    assert [len(experiments), experiments[0]["name"], experiments[0]["status"]] == [4, "another-one", "completed"]
    shown = json.loads(project.flows("datasets", "show", datasets[0]["id"], "--json").stdout)
    assert "petal_area" in json.dumps(shown["tables"])


def test_a_single_experiment_has_all_that_one_of_a_run_has(project: Place, run: Finished) -> None:
    single, *of_run = json.loads(project.flows("experiments", "list", "--flow", "iris", "--json").stdout)
    logistic = next(one for one in of_run if one["name"].startswith("logistic"))
    told = [json.loads(project.python("-c", LOOK, one["id"]).stdout) for one in (single, logistic)]
    assert told[0] == told[1]
    assert {"model", "out_of_fold"} <= set(told[0]["artifacts"])
    assert told[0]["parameters"]["General/flow"] == "iris"
    compared = project.flows("experiments", "compare", single["id"], logistic["id"], "--json")
    assert compared.exit_code == 0, compared.stderr


def test_a_step_runs_again_on_what_the_last_run_made_as_a_task_beside_those_of_the_run(
    project: Place, run: Finished
) -> None:
    done = project.flows("step", "validate", "--flow", "iris", "--json")
    assert done.exit_code == 0, done.stderr
    runs = json.loads(project.flows("runs", "list", "--json").stdout)
    assert len(runs) == 1
    steps = json.loads(project.flows("runs", "show", "--json").stdout)["steps"]
    earlier = next(step["task_id"] for step in steps if step["name"] == "validate")
    told = [json.loads(project.python("-c", LOOK, task).stdout) for task in (done.document["task_id"], earlier)]
    assert told[0] == told[1]
    assert done.document["returned"]["valid"]["rows"] == 100


def test_a_step_that_finds_bad_data_says_so_and_its_task_has_failed(project: Place, run: Finished) -> None:
    done = project.flows("step", "download", "--flow", "iris", "--source", "nowhere.csv", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: step download failed: bad data: ")
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def profiles_run(project: Place, run: Finished) -> Finished:
    """The page's own graph, and its step alone."""
    return project.shell(next(block for _, language, block in BLOCKS if language == "sh" and "run profiles" in block))


def profiles(project: Place, *options: str) -> tuple[Finished, dict[str, bool]]:
    """Another run of the graph, and whether each of its steps came from the cache."""
    again = project.flows("run", "profiles", "--json", *options)
    assert again.exit_code == 0, again.stderr
    return again, {step["name"]: step["cached"] for step in again.document["steps"]}


def test_a_graph_of_ones_own_runs_with_its_branches_its_helper_and_its_step(
    project: Place, profiles_run: Finished
) -> None:
    assert profiles_run.exit_code == 0, profiles_run.stderr
    *_, alone = profiles_run.stdout.splitlines()
    told = json.loads(alone)
    assert (told["step"], told["returned"]["profile"]["column"]) == ("profile", "sepal_width")
    assert (told["returned"]["profile"]["count"], round(told["returned"]["profile"]["mean"], 1)) == (100, 2.9)
    assert "profiles completed after" in profiles_run.stdout
    run = json.loads(project.flows("runs", "show", "--json").stdout)
    steps = [(step["name"], step["status"]) for step in run["steps"]]
    assert steps == [(name, "completed") for name in ("download", "validate", "profile", "profile_1", "compare")]


def test_a_graph_of_ones_own_has_document_cache_and_force(project: Place, profiles_run: Finished) -> None:
    again, cached = profiles(project)
    document = again.document
    assert [document[name] for name in ("dataset", "experiments", "model", "evaluation", "report", "error")] == [
        None
    ] * 6
    assert cached == {"download": False, "validate": True, "profile": True, "profile_1": True, "compare": False}
    assert re.search(r"s  compare: completed", again.stderr), again.stderr
    assert profiles(project, "--force", "profile")[1] == {**cached, "profile": False, "profile_1": False}


def test_the_cache_misses_where_a_module_of_the_step_changed(project: Place, profiles_run: Finished) -> None:
    unused, used = (project.folder / "components" / name for name in ("features.py", "profiles.py"))
    hits = profiles(project)[1]
    unused.write_text(unused.read_text("utf-8") + "\n\nUNUSED = 1\n", "utf-8")
    assert profiles(project)[1] == hits
    used.write_text(used.read_text("utf-8") + "\n\nUSED = 1\n", "utf-8")
    assert profiles(project)[1] == {**hits, "profile": False, "profile_1": False}


@pytest.mark.parametrize("line", re.findall(r"^flows (?!step profile).+$", PAGE, re.M))
def test_every_command_of_the_page_is_understood(line: str) -> None:
    check_understood(re.sub(" (iris|profiles)", " wine", line))
