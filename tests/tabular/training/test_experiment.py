"""One experiment: reproducible, and no row has a say in its own score."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from clearml_flows.tabular.judging.metrics import best_threshold, binary_metrics
from clearml_flows.tabular.problem_type import target_values
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.experiment import fold_metrics, out_of_fold, run_experiment
from clearml_flows.tabular.training.model_file import load_model
from tests.support.customers import CATEGORICAL, FOREST, LOGISTIC, NUMERIC, TARGET, make_customers

CLASSES = "classification"


def run(spec: dict[str, Any], rows: Any, path: Path, seed: int = 42) -> dict[str, Any]:
    return run_experiment(spec, rows, TARGET, NUMERIC, CATEGORICAL, CLASSES, 4, 2, seed, str(path))


def permute(rows: Any, seed: int) -> Any:
    return rows.assign(churn=np.random.default_rng(seed).permutation(rows[TARGET]))


def test_metrics_threshold_and_model(tmp_path: Path) -> None:
    rows = make_customers(300)
    result = run(FOREST, rows, tmp_path / "model.skops")
    names = ["accuracy", "precision", "recall", "f1_score", "roc_auc", "average_precision", "brier"]
    expected = [*(f"cv_{name}{end}" for name in names for end in ("", "_std")), *(f"train_{name}" for name in names)]
    assert sorted(result["metrics"]) == sorted(expected)
    assert 0.7 < result["metrics"]["cv_roc_auc"] < result["metrics"]["train_roc_auc"] < 1
    assert result["metrics"]["cv_roc_auc"] == pytest.approx(np.mean(result["fold_metrics"]["cv_roc_auc"]))
    assert result["metrics"]["cv_roc_auc_std"] == pytest.approx(np.std(result["fold_metrics"]["cv_roc_auc"]))
    y = (rows[TARGET] == "Yes").to_numpy().astype(int)
    np.testing.assert_array_equal(result["y"], y)
    assert result["threshold"] == best_threshold(y, result["out_of_fold"])
    model = load_model(str(tmp_path / "model.skops"), 10_000_000)
    assert list(model.classes_) == ["No", "Yes"]
    p = model.predict_proba(rows[NUMERIC + CATEGORICAL])[:, 1]
    assert result["metrics"]["train_accuracy"] == binary_metrics(y, p, result["threshold"])["accuracy"]


def test_the_same_seed_gives_the_same_to_the_last_digit_and_another_one_does_not(tmp_path: Path) -> None:
    rows = make_customers()
    first, again = (run(FOREST, rows, tmp_path / name) for name in ("a.skops", "b.skops"))
    assert first["metrics"] == again["metrics"]
    assert (first["threshold"], first["sha256"]) == (again["threshold"], again["sha256"])
    assert run(FOREST, rows, tmp_path / "c.skops", seed=7)["metrics"] != first["metrics"]


@pytest.mark.parametrize("spec", [FOREST, LOGISTIC], ids=lambda spec: spec["name"])
def test_permuted_labels_leave_nothing_to_find(spec: dict[str, Any], tmp_path: Path) -> None:
    result = run(spec, permute(make_customers(800), seed=0), tmp_path / "model.skops")
    assert result["metrics"]["cv_roc_auc"] == pytest.approx(0.5, abs=0.06)


def test_a_column_that_only_names_the_rows_does_not_help(tmp_path: Path) -> None:
    rows = permute(make_customers(400), seed=1)
    spec = {"name": "tree", "family": "DecisionTree"}
    result = run(spec, rows.assign(contract=rows["key"]), tmp_path / "model.skops")
    assert result["metrics"]["train_roc_auc"] == 1
    assert result["metrics"]["cv_roc_auc"] == pytest.approx(0.5, abs=0.09)


def test_rows_have_no_say_in_the_scores_of_their_own_fold() -> None:
    rows = make_customers(120)
    model, labels = make_model(LOGISTIC, NUMERIC, CATEGORICAL, 42), rows[TARGET].to_numpy()
    p, fold, _ = out_of_fold(model, rows, labels, CLASSES, 4, 2, 42)
    assert p.shape == fold.shape == (2, 120)
    assert all(roc_auc_score(labels == "Yes", once) > 0.6 for once in p)
    assert (fold[0] != fold[1]).any()
    odd = np.flatnonzero(fold[0] == 0)[0]
    changed = rows.copy()
    changed.loc[changed.index == odd, "charge"] = 1e5
    p_changed, fold_changed, _ = out_of_fold(model, changed, labels, CLASSES, 4, 2, 42)
    np.testing.assert_array_equal(fold_changed, fold)
    for repeat in (0, 1):
        own = fold[repeat] == fold[repeat, odd]
        others = own & (np.arange(120) != odd)
        np.testing.assert_array_equal(p_changed[repeat, others], p[repeat, others])
        assert (p_changed[repeat, ~own] != p[repeat, ~own]).all()


def test_each_fold_is_told_as_it_ends() -> None:
    rows, told = make_customers(120), []
    labels = rows[TARGET].to_numpy()

    def ended(number: int, fitted: Any, held_out: Any, scores: Any) -> None:
        np.testing.assert_array_equal(fitted.predict_proba(rows.iloc[held_out])[:, 1], scores)
        told.append(number)
        if number == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        out_of_fold(make_model(LOGISTIC, NUMERIC, CATEGORICAL, 42), rows, labels, CLASSES, 4, 2, 42, ended)
    assert told == [1, 2, 3]


def test_progress_is_written_for_every_fold_and_for_the_stages_of_the_first(tmp_path: Path) -> None:
    result = run(FOREST, make_customers(120), tmp_path / "m.skops")
    events = [json.loads(line) for line in (tmp_path / "m.skops.live").read_text().splitlines()]
    folds = {name: [one["value"] for one in events if one["metric"] == name] for name in ("cv_roc_auc", "cv_brier")}
    assert folds == {name: result["fold_metrics"][name] for name in folds}
    assert [one["iter"] for one in events if one["metric"] == "cv_roc_auc"] == list(range(1, 9))
    stages = [one for one in events if one["metric"] == "roc_auc by stage"]
    assert [(one["variant"], one["iter"]) for one in stages] == [
        (part, trees) for part in ("train", "held out") for trees in (1, 2, 3, 4, 5)
    ]
    assert stages[-1]["value"] == result["fold_metrics"]["cv_roc_auc"][0]


def test_the_third_of_out_of_fold_has_not_seen_the_first_fold() -> None:
    rows = make_customers(120)
    labels = rows[TARGET].to_numpy()
    p, fold, first = out_of_fold(make_model(LOGISTIC, NUMERIC, CATEGORICAL, 42), rows, labels, CLASSES, 4, 2, 42)
    scores = first.predict_proba(rows)[:, 1]
    np.testing.assert_array_equal(scores == p[0], fold[0] == 0)


def test_more_repeats_add_folds_and_leave_the_first_as_they_were(tmp_path: Path) -> None:
    rows = make_customers(120)
    once, twice = (
        run_experiment(LOGISTIC, rows, TARGET, NUMERIC, CATEGORICAL, CLASSES, 4, repeats, 42, str(tmp_path / "m.skops"))
        for repeats in (1, 2)
    )
    assert len(twice["fold_metrics"]["cv_roc_auc"]) == 8
    assert twice["fold_metrics"]["cv_roc_auc"][:4] == once["fold_metrics"]["cv_roc_auc"]
    assert twice["sha256"] == once["sha256"]


@pytest.mark.parametrize(("labels", "positive"), [(["No", "Yes"], "Yes"), ([0, 1], 1), ([False, True], True)])
def test_the_positive_class_is_the_last_in_order(labels: list[Any], positive: Any) -> None:
    values = np.array(labels * 3, dtype=object if isinstance(labels[0], str) else None)
    np.testing.assert_array_equal(target_values(values, CLASSES), (values == positive).astype(int))


def test_a_target_without_two_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="the target has 3 classes, a, b, c: it needs two"):
        target_values(np.array(["a", "b", "c"], dtype=object), CLASSES)


def test_no_fold_chooses_its_own_threshold() -> None:
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    p = np.array([0.1, 0.3, 0.1, 0.3, 0.6, 0.9, 0.6, 0.9])
    fold = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    by_fold = fold_metrics(y, np.array([p, p]), np.array([fold, fold]), CLASSES)
    # The other fold's threshold is 0.75 for fold 0 and 0.2 for fold 1.
    assert by_fold["cv_recall"] == [0.0, 1.0] * 2
    assert by_fold["cv_precision"] == [0.0, 0.5] * 2
    assert by_fold["cv_roc_auc"] == [1.0, 1.0] * 2


def test_warnings_of_the_fit_are_kept(tmp_path: Path) -> None:
    rows = make_customers(100)
    hasty = {**LOGISTIC, "params": {"max_iter": 1}}
    assert any("ConvergenceWarning" in line for line in run(hasty, rows, tmp_path / "m.skops")["warnings"])
