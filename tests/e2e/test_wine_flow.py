"""The second flow, on the same backend: numbers in place of classes, by the same commands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.tabular.data.synthetic_wine import synthetic_wines
from tests.e2e.conftest import Finished, Place, make_place
from tests.e2e.test_churn_flow import STEPS

SMALL = json.dumps(
    [
        {"name": "ridge", "family": "Ridge", "grid": {"alpha": [1.0, 10.0]}},
        {"name": "tree", "family": "DecisionTree", "params": {"max_depth": 3}},
    ]
)


@pytest.fixture(scope="module")
def wine_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("wine") / "project"
    place = make_place(folder, FLOWS__DATA__ROWS="600", FLOWS__WINE__EXPERIMENTS=SMALL)
    yield place
    place.flows("server", "down")


@pytest.fixture(scope="module")
def wine_run(wine_place: Place) -> Finished:
    return wine_place.flow("--source", "synthetic", "--json", name="wine")


def test_the_run_completes_with_the_document_of_the_contract(wine_run: Finished) -> None:
    assert wine_run.exit_code == 0, wine_run.stderr
    document = wine_run.document
    assert (document["flow"], document["status"]) == ("wine", "completed")
    assert [step["name"] for step in document["steps"]] == STEPS
    assert (document["dataset"]["name"], document["dataset"]["rows"]) == ("wine", 600)
    assert (document["experiments"]["count"], document["experiments"]["failed"]) == (3, 0)
    best = document["experiments"]["best"]
    assert best["name"] in ("ridge-alpha-1.0", "ridge-alpha-10.0")
    assert {"cv_r2", "cv_rmse", "cv_mae", "cv_r2_std", "train_r2"} <= set(best["metrics"])
    assert set(document["evaluation"]["metrics"]) == {"test_r2", "test_rmse", "test_mae"}
    assert document["evaluation"]["threshold"] is None
    assert document["evaluation"]["promoted"] is True
    assert {"production", "synthetic"} <= set(document["model"]["tags"])


def test_a_second_run_is_taken_from_the_cache_and_tells_of_numbers(wine_place: Place, wine_run: Finished) -> None:
    again = wine_place.flow("--source", "synthetic", name="wine")
    assert again.exit_code == 0, again.stderr
    assert "test_r2" in again.stdout
    assert "threshold" not in again.stdout
    assert len(again.stdout.splitlines()) == 1


def test_its_experiments_and_models_are_told_by_their_metrics(wine_place: Place, wine_run: Finished) -> None:
    board = json.loads(wine_place.flows("experiments", "leaderboard", "--json").stdout)
    assert board["metric"] == "cv_r2"
    assert board["experiments"][0]["id"] == wine_run.document["experiments"]["best"]["task_id"]
    assert [one["name"] for one in board["experiments"]][-1] == "tree"
    listed = wine_place.flows("models", "list").stdout
    assert "test_r2" in listed
    assert "test_roc_auc" not in listed


def test_its_model_predicts_the_number_of_each_row(wine_place: Place, wine_run: Finished, tmp_path: Path) -> None:
    wines = synthetic_wines(50, 9)
    wines.drop(columns="quality").to_csv(tmp_path / "wines.csv", index=False)
    command = ["models", "predict", "wine", str(tmp_path / "wines.csv"), "-o", str(tmp_path / "scored.csv")]
    done = wine_place.flows(*command, "--json")
    assert done.exit_code == 0, done.stderr
    told = done.document
    assert (told["rows"], told["positive"], told["threshold"]) == (50, None, None)
    lines = (tmp_path / "scored.csv").read_text().splitlines()
    assert lines[0] == "row,prediction"
    predicted = [float(line.split(",")[1]) for line in lines[1:]]
    assert abs(sum(predicted) / 50 - wines["quality"].mean()) < 0.5


def test_bad_wines_are_refused_with_every_problem(wine_place: Place, tmp_path: Path) -> None:
    wines = synthetic_wines(200, 9).astype({"quality": "object", "pH": "object"})
    wines.loc[3, "quality"] = 5.5
    wines.loc[4, "pH"] = "acid"
    wines.to_csv(tmp_path / "bad.csv", index=False)
    run = wine_place.flow("--source", str(tmp_path / "bad.csv"), "--no-progress", "--json", name="wine")
    assert run.exit_code == 2
    assert "quality is no whole number" in run.document["error"]
    assert "pH is not a number" in run.document["error"]
