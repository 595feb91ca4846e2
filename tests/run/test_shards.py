"""Experiments dealt out to several steps give the sweep that one step gives."""

import json
from typing import Any

import pytest

from clearml_flows.run.shards import deal, merge, sweep_of
from clearml_flows.run.snapshot import Run, Step, _in_order


def specs(count: int) -> list[dict[str, str]]:
    return [{"name": f"experiment-{number}", "family": "KNN"} for number in range(count)]


def swept(text: str, **scores: float) -> str:
    """What a step returns for these experiments; those without a score failed."""
    entries = []
    for spec in json.loads(text):
        score = scores.get(spec["name"].replace("-", "_"))
        metrics = {"cv_roc_auc": score} if score is not None else {}
        status = "failed" if score is None else "completed"
        entries.append(
            {"task_id": f"task of {spec['name']}", "name": spec["name"], "status": status, "metrics": metrics}
        )
    completed = [entry for entry in entries if entry["status"] == "completed"]
    best = max(completed, key=lambda entry: entry["metrics"]["cv_roc_auc"])["task_id"] if completed else ""
    told: dict[str, Any] = {"dataset": {"id": "d", "sha256": "s"}, "metric": "roc_auc", "count": len(entries)}
    failed = len(entries) - len(completed)
    return json.dumps(
        {**told, "failed": failed, "best": best, "experiments": entries}, sort_keys=True, separators=(",", ":")
    )


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 100])
def test_the_parts_together_are_the_whole(shards: int) -> None:
    text = json.dumps(specs(7))
    scores = {f"experiment_{number}": score for number, score in enumerate([0.5, 0.7, 0.6, 0.9, 0.9, 0.1, 0.2])}
    parts = deal(text, shards)
    assert len(parts) == min(shards, 7)
    assert merge([swept(part, **scores) for part in parts]) == swept(text, **scores)


def test_a_part_in_which_all_failed_stops_nothing() -> None:
    text = json.dumps(specs(4))
    parts = [swept(part, experiment_1=0.8) for part in deal(text, 2)]
    assert merge(parts) == swept(text, experiment_1=0.8)
    with pytest.raises(RuntimeError, match="all 4 experiments failed"):
        merge([swept(part) for part in deal(text, 2)])


def test_no_list_of_experiments_is_refused_before_it_is_dealt_out() -> None:
    with pytest.raises(ValueError, match="JSON list of objects"):
        deal("{}", 2)


def test_a_run_is_read_with_its_parts_in_order() -> None:
    text = json.dumps(specs(21))
    scores = {f"experiment_{number}": number / 100 for number in range(21)}
    parts = deal(text, 11)
    nodes: dict[str, dict[str, Any]] = {"train_sweep": {}, "evaluate": {}}
    nodes |= {f"train_sweep_{number}": {} for number in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)}
    names = [name for name in _in_order(nodes) if name != "evaluate"]
    assert list(_in_order(nodes))[-1] == "evaluate"
    steps = tuple(Step(name, returns={"sweep": swept(part, **scores)}) for name, part in zip(names, parts, strict=True))
    assert sweep_of(Run("r", "completed", "", "p", steps)) == json.loads(swept(text, **scores))


def test_a_run_without_a_finished_experiment_has_no_sweep() -> None:
    assert sweep_of(Run("r", "failed", "", "p", (Step("train_sweep"), Step("train_sweep_1", returns={})))) == {}
