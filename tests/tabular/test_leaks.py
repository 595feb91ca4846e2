"""Nothing leaks: without a signal in the training rows nothing is found, whatever the columns and the family."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearml_flows.settings import load
from clearml_flows.tabular.data.model_columns import feature_roles, prediction_rows
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.synthetic import write_synthetic
from clearml_flows.tabular.data.table_schema import load_schema
from clearml_flows.tabular.training.experiment import run_experiment

SCHEMA = load_schema((Path(__file__).parents[2] / "flows" / "schemas" / "churn.json").read_text("utf-8"))


def experiment(name: str) -> dict[str, Any]:
    return next(one.model_dump() for one in load().flow("churn").experiments if one.name == name)


def training_rows(raw: bytes, permuted: bool) -> tuple[Any, list[str], list[str]]:
    """The training rows that the flow's first steps make of a file, and the names of their columns."""
    frame, problems, _ = rows_from_csv(raw, SCHEMA)
    assert not problems
    columns = prediction_rows(frame, SCHEMA)
    target = frame[SCHEMA["target"]]
    if permuted:
        target = np.random.default_rng(3).permutation(target)
    rows, _ = split_rows(columns.assign(**{SCHEMA["target"]: target}), SCHEMA, 0.2, 42)
    return rows.reset_index(drop=True), *feature_roles(columns, SCHEMA)


def metrics(raw: bytes, name: str, path: Path, permuted: bool) -> dict[str, float]:
    rows, numeric, categorical = training_rows(raw, permuted)
    result = run_experiment(
        experiment(name), rows, SCHEMA["target"], numeric, categorical, "classification", 5, 2, 42, str(path)
    )
    return dict(result["metrics"])


@pytest.mark.parametrize(
    "name", ["improved-histogram", "logistic-regression-strong", "decision-tree-leaf-50", "adaboost-depth-2"]
)
def test_permuted_labels_of_synthetic_customers_leave_nothing_to_find(name: str, tmp_path: Path) -> None:
    raw = Path(write_synthetic(str(tmp_path), "telco", 3500, 42)).read_bytes()
    found = metrics(raw, name, tmp_path / "model.skops", permuted=True)
    assert found["cv_roc_auc"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", ["improved-vote", "random-forest-default", "logistic-regression-strong"])
def test_permuted_labels_of_the_real_customers_leave_nothing_to_find(
    name: str, tmp_path: Path, data_folder: Path
) -> None:
    raw = (data_folder / "WA_Fn-UseC_-Telco-Customer-Churn.csv").read_bytes()
    found = metrics(raw, name, tmp_path / "model.skops", permuted=True)
    assert found["cv_roc_auc"] == pytest.approx(0.5, abs=0.03)


def test_the_same_customers_are_told_apart_when_their_labels_stay(tmp_path: Path) -> None:
    raw = Path(write_synthetic(str(tmp_path), "telco", 1000, 42)).read_bytes()
    found, again = (
        metrics(raw, "logistic-regression-strong", tmp_path / f"{run}.skops", permuted=False) for run in "ab"
    )
    assert found["cv_roc_auc"] > 0.7
    assert json.dumps(found) == json.dumps(again)
