"""train_sweep, register_best and evaluate through the official SDK against the embedded backend."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import running_backend

Story = dict[str, Any]


def without_task_ids(sweep: Story) -> str:
    """The reference of a sweep, the winner told by its name."""
    names = {entry["task_id"]: entry["name"] for entry in sweep["experiments"]}
    text = json.dumps(sweep, sort_keys=True)
    for task_id, name in names.items():
        text = text.replace(task_id, name)
    return text


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    with running_backend(tmp_path_factory.mktemp("model-steps") / "data") as backend:
        child = subprocess.run(
            [sys.executable, "-m", "tests.support.model_steps"],
            cwd=Path(__file__).parents[2],
            env=backend.env(),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert child.returncode == 0, child.stdout + child.stderr
    return dict(json.loads(child.stdout.splitlines()[-1]))


def test_a_sweep_counts_what_failed_and_finds_the_best(told: Story) -> None:
    sweep = told["sweep"]
    assert (sweep["count"], sweep["failed"], sweep["metric"]) == (3, 1, "roc_auc")
    assert [entry["name"] for entry in sweep["experiments"]] == ["forest", "logistic", "broken"]
    best = next(entry for entry in sweep["experiments"] if entry["task_id"] == sweep["best"])
    scores = [entry["metrics"]["cv_roc_auc"] for entry in sweep["experiments"] if entry["status"] == "completed"]
    assert best["metrics"]["cv_roc_auc"] == max(scores)
    assert sweep["dataset"] == {"id": "d1", "sha256": "ab" * 32}


def test_a_sweep_reads_the_training_rows_only(told: Story) -> None:
    assert told["asked"] == ["train"]


def test_a_sweep_gives_the_same_whatever_runs_at_once(told: Story) -> None:
    assert without_task_ids(told["sweep"]) == without_task_ids(told["one at a time"])
    assert all(len(entry["model_sha256"]) == 64 for entry in told["sweep"]["experiments"][:2])


def test_a_sweep_gives_the_same_whatever_the_labels_of_the_test_rows(told: Story) -> None:
    assert without_task_ids(told["sweep"]) == without_task_ids(told["test rows permuted"])


def test_an_experiment_s_task_holds_all_about_it(told: Story) -> None:
    forest, entry = told["tasks"]["forest"], told["sweep"]["experiments"][0]
    assert (forest["status"], forest["parent"]) == ("completed", told["task_id"])
    assert (forest["project"], forest["tags"]) == ("churn experiments", ["RandomForest"])
    parameters = forest["parameters"]
    assert (parameters["Estimator/n_estimators"], parameters["Estimator/estimator"]) == ("5", "RandomForest")
    assert (parameters["General/dataset_sha256"], parameters["General/folds"]) == ("ab" * 32, "3")
    assert (parameters["General/repeats"], parameters["General/n_features"]) == ("2", "4")
    assert (parameters["General/test_size"], parameters["General/split_seed"]) == ("0.4286", "7")
    assert parameters["General/random_state"] == "42"
    assert forest["values"].pop("cpu_seconds") > 0
    assert forest["values"] == pytest.approx({**entry["metrics"], "threshold": entry["threshold"]})
    assert not {"cv_roc_auc_std", "cpu_seconds"} & set(forest["scalars"])
    assert forest["scalars"]["cv_roc_auc"]["fold"]["x"] == [1, 2, 3, 4, 5, 6]
    assert forest["scalars"]["train_accuracy"]["train_accuracy"]["y"] == [
        pytest.approx(entry["metrics"]["train_accuracy"])
    ]
    assert forest["plots"] == [
        "Calibration, out of fold",
        "Classification report, out of fold",
        "Confusion table, out of fold",
        "Confusion, out of fold",
        "Feature importance, impurity",
        "Precision and recall, out of fold",
        "ROC, out of fold",
    ]
    assert forest["artifacts"] == {"model": entry["model_sha256"], "out_of_fold": entry["out_of_fold_sha256"]}
    assert [one["url"].rpartition("/")[2] for one in forest["images"]] == ["confusion-out-of-fold.png"]
    assert forest["scalars"]["roc_auc by stage"]["held out"]["x"] == [1, 2, 3, 4, 5]
    assert f"cv_roc_auc {entry['metrics']['cv_roc_auc']:.4f}" in forest["console"]


def test_folds_and_stages_are_told_while_the_experiment_runs(told: Story) -> None:
    before_its_end = told["first told"][told["sweep"]["experiments"][0]["task_id"]]
    assert before_its_end["status"] == "in_progress"
    assert before_its_end["scalars"]["cv_roc_auc"]["fold"]["x"][0] == 1
    assert "train" in before_its_end["scalars"]["log_loss by stage"]
    assert not before_its_end["values"]


def test_an_experiment_s_task_holds_the_step_s_code_and_the_system(told: Story) -> None:
    forest = told["tasks"]["forest"]
    assert forest["script"]["entry_point"] == told["step after sweep"]["script"]["entry_point"]
    assert forest["script"]["requirements"] == told["step after sweep"]["script"]["requirements"]
    assert {line.split(":")[0] for line in forest["system"].splitlines()} == {
        *("python", "platform", "machine", "cpu_count"),
        *("scikit-learn", "numpy", "pandas", "skops"),
    }


def test_the_winner_shows_its_learning_curve_and_the_step_the_leaderboard(told: Story) -> None:
    assert "Learning curve" in told["tasks"]["logistic"]["plots"]
    assert told["step after sweep"]["plots"] == ["Leaderboard"]


def test_a_failing_experiment_says_why_and_stops_no_other(told: Story) -> None:
    broken = told["tasks"]["broken"]
    assert (broken["status"], broken["artifacts"]) == ("failed", {})
    assert broken["message"].startswith("ValueError: no estimator of a classification is called Prophet")
    assert "Traceback (most recent call last)" in broken["console"]
    entry = told["sweep"]["experiments"][2]
    assert (entry["status"], entry["metrics"], entry["threshold"], entry["model_sha256"]) == ("failed", {}, None, "")
    assert entry["out_of_fold_sha256"] == ""


def test_the_step_tells_how_far_it_is(told: Story) -> None:
    step = told["step after sweep"]
    assert step["runtime"]["progress_text"] == "3 of 3 experiments"
    assert step["scalars"]["sweep"]["experiments of 3"]["y"] == [0, 1, 2, 3]
    assert (step["values"]["experiments"], step["values"]["failed"]) == (3, 1)


def test_a_sweep_of_which_nothing_is_left_fails(told: Story) -> None:
    assert told["all fail"]["error"].startswith("RuntimeError: all 2 experiments failed")
    assert told["all fail"]["comment"] == "all 2 experiments failed; the console of each says why"


def test_the_winner_is_registered_once_with_all_that_is_known_of_it(told: Story) -> None:
    model = told["model"]
    assert model["id"] == told["model again"]["id"]
    assert list(told["registered"]) == [model["id"]]
    registered, best = told["registered"][model["id"]], told["sweep"]["experiments"][1]
    assert registered["tags"] == model["tags"] == ["candidate"]
    facts = registered["facts"]
    assert facts["sha256"] == model["sha256"] == best["model_sha256"]
    assert (facts["experiment"], facts["version"]) == (told["sweep"]["best"], 1)
    assert facts["cv_roc_auc"] == pytest.approx(best["metrics"]["cv_roc_auc"])
    assert (facts["dataset_sha256"], facts["parameters"]) == ("ab" * 32, {"estimator": "LogisticRegression"})
    assert facts["features"] == {
        "numeric": ["tenure", "charge"],
        "categorical": ["contract", "payment"],
        "target": "churn",
        "problem_type": "classification",
    }
    assert facts["schema"] == {"key": "key", "target": "churn", "columns": []}
    assert facts["reason"].startswith("logistic has the best cv_roc_auc, ")
    assert set(facts["libraries"]) == {"scikit-learn", "numpy", "pandas", "skops"}


def test_a_sweep_over_other_data_is_not_registered(told: Story) -> None:
    assert "the sweep was over dataset d1" in told["other data"]["error"]


def test_a_model_below_the_minimum_stays_out(told: Story) -> None:
    assert told["refused"]["promoted"] is False
    assert "below the minimum 0.999" in told["refused"]["reason"]


def test_the_first_good_model_goes_into_production(told: Story) -> None:
    first = told["first"]
    assert (first["promoted"], first["production"]) == (True, None)
    names = ["accuracy", "average_precision", "brier", "f1_score", "precision", "recall", "roc_auc"]
    assert sorted(first["metrics"]) == [f"test_{name}" for name in names]
    assert all(low <= first["metrics"][name] <= high for name, (low, high) in first["intervals"].items())
    model = told["in production"][told["model"]["id"]]
    assert model["tags"] == ["production"]
    assert model["facts"]["test_roc_auc"] == pytest.approx(first["metrics"]["test_roc_auc"])
    assert model["facts"]["evaluation"] == first["reason"]
    step = told["step after evaluate"]
    assert step["values"]["test_f1_score"] == pytest.approx(first["metrics"]["test_f1_score"])
    assert set(step["plots"]) >= {"Calibration", "Confusion", "Gain", "Lift", "Precision and recall", "Profit", "ROC"}
    assert set(step["plots"]) >= {
        "Gate, rules",
        "Lift by decile",
        "Profit per 1,000 customers",
        "Reliability",
        "Segments",
    }


def test_the_run_s_report_is_kept_on_the_evaluation_step(told: Story) -> None:
    facts = told["registered"][told["model"]["id"]]["facts"]
    for text in (told["report"], told["card"]):
        assert facts["sha256"] in text
        assert facts["reason"] in text
        assert f"{told['first']['metrics']['test_roc_auc']:.4f}" in text
        assert "3 experiments, 1 failed" in text
        # The folds are those that the experiment's Task tells.
        assert re.search(r"forest.*0\.\d{4} to [01]\.\d{4}", text)
    assert told["report"].count("<svg") == 6
    assert all(heading in told["report"] for heading in ("<h2>Segments", "<h2>Profit", "<h2>Lift", "<h2>Gate"))


def test_the_evaluation_tells_parts_of_the_rows_and_every_rule_of_the_gate(told: Story) -> None:
    first, step = told["first"], told["step after evaluate"]
    parts = [one["segment"] for one in first["segments"]]
    assert parts[:2] == ["contract monthly", "contract yearly"]
    assert parts[2:] == ["tenure below 12", "tenure 12 to below 36", "tenure 36 and more"]
    assert sum(one["rows"] for one in first["segments"][:2]) == 150
    assert [one["rule"] for one in first["gate"]] == [
        "data",
        "history",
        "minimum",
        "production",
        "calibration",
        "segments",
    ]
    assert all(one["passed"] and one["why"] for one in first["gate"])
    assert step["values"]["gate_calibration"] == 1
    assert step["scalars"]["segments, roc_auc"]["contract monthly"]["y"] == [
        pytest.approx(first["segments"][0]["roc_auc"])
    ]
    assert told["bulk"]["evaluation"] == first
    assert sum(one["rows"] for one in told["bulk"]["reliability"]["candidate"]) == 150
    assert "Profit" in told["bulk"]["curves"]


def test_the_experiments_learn_their_test_metrics_only_now_and_once(told: Story) -> None:
    before, after = told["tasks"], told["tasks after evaluate"]
    assert not [name for task in before.values() for name in task["values"] if name.startswith("test_")]
    tested = {name: value for name, value in after["logistic"]["values"].items() if name.startswith("test_")}
    assert tested == pytest.approx(told["first"]["metrics"])
    assert 0.5 < after["forest"]["values"]["test_roc_auc"] != tested["test_roc_auc"]
    assert after["forest"]["scalars"]["test_roc_auc"]["test_roc_auc"]["y"] == [
        pytest.approx(after["forest"]["values"]["test_roc_auc"])
    ]
    assert (after["forest"]["status"], after["broken"]["values"]) == ("completed", {})
    assert told["forest's last update"] == after["forest"]["last_update"]


def test_the_profit_threshold_is_that_of_the_training_rows(told: Story) -> None:
    assert told["first"]["profit_threshold"] == told["same again"]["profit_threshold"] == told["trained threshold"]
    assert told["worse"]["profit_threshold"] is None
    assert told["step after evaluate"]["values"]["profit_threshold"] == pytest.approx(told["trained threshold"])


def test_evaluating_again_gives_the_same(told: Story) -> None:
    assert told["same again"]["metrics"] == told["first"]["metrics"]
    assert (told["same again"]["promoted"], told["same again"]["reason"]) == (
        True,
        "it is the production model already",
    )


def test_a_worse_model_stays_out_and_a_tolerated_one_takes_over(told: Story) -> None:
    old, new = told["model"]["id"], told["weak model"]["id"]
    assert told["worse"]["promoted"] is False
    assert told["worse"]["production"] == told["first"]["metrics"]
    assert told["worse"]["production_intervals"] == told["first"]["intervals"]
    assert "is more than 0 worse than production's" in told["worse"]["reason"]
    compared = next(one for one in told["worse"]["comparison"] if one["metric"] == "test_roc_auc")
    assert compared["difference"] == pytest.approx(compared["candidate"] - compared["production"])
    assert compared["high"] < 0
    assert {name: model["tags"] for name, model in told["after worse"].items()} == {
        old: ["production"],
        new: ["candidate"],
    }
    assert told["tolerated"]["promoted"] is True
    tags = {name: model["tags"] for name, model in told["moved"].items()}
    assert tags == {old: ["previous-production"], new: ["production"]}
    assert told["moved"][new]["facts"]["version"] == 2


def test_a_model_that_was_rolled_back_is_not_promoted_by_the_gate_again(told: Story) -> None:
    before = {name: model["tags"] for name, model in told["after worse"].items()}
    assert {name: model["tags"] for name, model in told["rolled back"].items()} == before
    assert told["judged again"]["promoted"] is False
    assert "it was rolled back on" in told["judged again"]["reason"]
    assert "by Ann (complaints): promote it by hand if wanted" in told["judged again"]["reason"]
    assert told["by hand"] == ""


def test_a_better_model_takes_over(told: Story) -> None:
    old, new = told["weak model"]["id"], told["model"]["id"]
    assert told["better"]["promoted"] is True
    assert "holds against production's" in told["better"]["reason"]
    tags = {name: model["tags"] for name, model in told["after better"].items()}
    assert tags == {old: ["previous-production"], new: ["production"]}


def test_a_model_of_synthetic_customers_is_told_apart_and_kept_back(told: Story) -> None:
    assert told["synthetic model"]["tags"] == ["candidate", "synthetic"]
    assert "never goes into production on a server" in told["synthetic on a server"]["reason"]
    assert "the production model on real ones" in told["synthetic for real"]["reason"]
    assert told["synthetic on a server"]["promoted"] is told["synthetic for real"]["promoted"] is False


def test_files_that_were_changed_are_not_read(told: Story) -> None:
    assert told["production damaged"]["promoted"] is False
    assert "cannot be compared with" in told["production damaged"]["reason"]
    for damaged in ("model damaged", "artifact damaged"):
        assert "it was changed or damaged after it was stored" in told[damaged]["error"]
    assert "experiment weak tree has no test metrics" in told["what of the damaged one"]
    assert "the test metrics of 0 experiments were added" in told["what of the damaged one"]
