import json
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend
from clearml_flows.cli.summary import one_line, summary
from clearml_flows.run.document import document
from clearml_flows.run.launch import Ended
from clearml_flows.run.snapshot import Run, Step

SWEEP = {
    "metric": "roc_auc",
    "count": 2,
    "failed": 1,
    "best": "t1",
    "experiments": [
        {"task_id": "t2", "name": "[bold]odd", "family": "KNN", "status": "failed", "metrics": {}},
        {"task_id": "t1", "name": "forest", "family": "F", "status": "completed", "metrics": {"cv_roc_auc": 0.81}},
    ],
}


class Registry(Api):
    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        assert (endpoint, body) == ("models.get_by_id", {"model": "m1"})
        return {"model": {"tags": ["synthetic", "production"]}}


def returning(**values: Any) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


@pytest.fixture
def ended() -> Ended:
    judged = {"metrics": {"test_roc_auc": 0.8}, "threshold": 0.3, "promoted": True, "reason": "good enough"}
    steps = (
        Step("download", "d", "completed", returns=returning(raw={"synthetic": True}), progress="Kaggle is down"),
        Step("version_dataset", "v", "cached", returns=returning(dataset={"id": "ds", "rows": 5}, reused="False")),
        Step("train_sweep", "s", "completed", returns=returning(sweep=SWEEP), progress="2 of 2 experiments"),
        Step("register_best", "r", "completed", returns=returning(model={"id": "m1", "name": "churn", "sha256": "ab"})),
        Step("evaluate", "e", "completed", returns=returning(evaluation=judged)),
    )
    backend = Backend("embedded", "http://127.0.0.1:1", Registry("http://127.0.0.1:1", "k", "s"), {})
    return Ended(Run("run1", "completed", "", "p1", steps), backend, 12.5, "log")


def test_the_summary_warns_of_made_up_customers_and_says_what_was_tried(
    ended: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    summary("churn", ended)
    said = capsys.readouterr().out
    assert "WARNING: this data is made up." in said
    assert "download: Kaggle is down" in said
    assert "2 of 2 experiments" not in said


def test_the_summary_ranks_names_the_winner_and_prints_names_as_they_are(
    ended: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    summary("churn", ended)
    said = capsys.readouterr().out
    assert said.index("forest") < said.index("[bold]odd")
    assert "winner: forest, the highest mean cv_roc_auc (0.8100)" in said
    assert "promoted to production: good enough" in said
    assert "taken from the cache: version_dataset" in said


def test_the_document_tells_a_cached_version_as_reused_and_the_models_tags_of_now(ended: Ended) -> None:
    told = document("churn", ended)
    assert told["dataset"]["reused"] is True
    assert told["model"]["tags"] == ["production", "synthetic"]
    assert told["experiments"]["best"]["task_id"] == "t1"
    assert told["error"] is None


def test_one_line_says_it_all_when_nobody_looks_on(ended: Ended) -> None:
    assert one_line("churn", ended) == (
        "churn completed after 12 s, the data is made up, test_roc_auc 0.8000, promoted to production: "
        "http://127.0.0.1:1/pipelines/p1/experiments/run1"
    )
