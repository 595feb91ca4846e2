"""What a sweep takes, and which experiment wins it."""

import json
from typing import Any

import pytest

from clearml_flows.tabular.training.leaderboard import read_experiments, select_best
from clearml_flows.tabular.training.sweep import describe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON list of objects"),
        ("[]", "at least one"),
        ('{"name": "forest"}', "JSON list of objects"),
        ("[1]", "JSON list of objects"),
        ('[{"name": "forest"}]', "needs a name of 3 characters or more and a family"),
        ('[{"name": "ab", "family": "SVC"}]', "needs a name of 3 characters or more"),
        ('[{"name": 5, "family": "SVC"}]', "needs a name"),
        ('[{"name": "abc", "family": "SVC"}, {"name": "abc", "family": "KNN"}]', "two experiments are called 'abc'"),
    ],
)
def test_read_experiments_refuses(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_experiments(text)


def test_read_experiments() -> None:
    specs = [{"name": "abc", "family": "SVC", "params": {"C": 1.0}}]
    assert read_experiments(json.dumps(specs)) == specs


def ended(name: str, status: str = "completed", **metrics: float) -> dict[str, Any]:
    return {"task_id": f"id-{name}", "name": name, "status": status, "metrics": metrics}


def test_the_best_has_the_best_mean_of_the_metric() -> None:
    entries = [ended("one", cv_roc_auc=0.8, cv_brier=0.10), ended("two", cv_roc_auc=0.9, cv_brier=0.20)]
    assert select_best(entries, "roc_auc")["name"] == "two"
    assert select_best(entries, "brier")["name"] == "one"


def test_equal_experiments_are_decided_by_name_and_failed_ones_never_win() -> None:
    entries = [ended("forest", cv_roc_auc=0.8), ended("boost", cv_roc_auc=0.8), ended("another", "failed")]
    assert select_best(entries, "roc_auc")["name"] == select_best(entries[::-1], "roc_auc")["name"] == "boost"


def test_a_test_metric_never_decides() -> None:
    entries = [ended("one", cv_roc_auc=0.8, test_gini=0.1, train_gini=0.2)]
    with pytest.raises(ValueError, match=r"the metric is 'gini': it can be one of roc_auc"):
        select_best(entries, "gini")


def test_nothing_wins_when_all_failed() -> None:
    with pytest.raises(RuntimeError, match="all 2 experiments failed"):
        select_best([ended("one", "failed"), ended("two", "failed")], "roc_auc")


def test_describe() -> None:
    assert describe(ended("one", cv_roc_auc=0.8, cv_roc_auc_std=0.012), "roc_auc") == "one cv_roc_auc 0.8000 ± 0.0120"
    assert describe(ended("one", "failed"), "roc_auc") == "one failed"
