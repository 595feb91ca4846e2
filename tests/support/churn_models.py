"""Churn models of synthetic rows, fitted in a moment, in memory or registered as the flow registers its own."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from clearml_flows.models.loading import LoadedModel
from clearml_flows.tabular.artifacts import file_sha256
from clearml_flows.tabular.data.model_columns import feature_roles, prediction_rows
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema
from clearml_flows.tabular.registry.entries import project_of, register_model, store_model_file
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.model_file import save_model

SCHEMA_TEXT = (Path(__file__).parents[2] / "flows" / "schemas" / "churn.json").read_text("utf-8")
SCHEMA = load_schema(SCHEMA_TEXT)
THRESHOLD = 0.3


def raw_customers(rows: int, seed: int = 1, **columns: Any) -> pd.DataFrame:
    """Customers as a raw CSV has them, with the values of some columns replaced."""
    customers: pd.DataFrame = synthetic_customers(rows, seed)
    return customers.assign(**columns)


@cache
def training_rows() -> tuple[Any, Any, list[str], list[str]]:
    """Rows with the columns that models take, their labels, and the numeric and categorical columns."""
    frame, problems, _ = rows_from_csv(raw_customers(400).to_csv(index=False).encode(), SCHEMA)
    assert not problems
    rows = prediction_rows(frame, SCHEMA)
    return rows, frame["Churn"], *feature_roles(rows, SCHEMA)


@cache
def fitted(strength: float = 1.0) -> Any:
    """A logistic regression; another strength gives another file."""
    rows, labels, numeric, categorical = training_rows()
    spec = {"name": "logistic", "family": "LogisticRegression", "params": {"C": strength, "max_iter": 300}}
    return make_model(spec, numeric, categorical, 0).fit(rows[numeric + categorical], labels)


def loaded_model(**changes: Any) -> LoadedModel:
    """A model as `clearml_flows.models.api.load_model` gives it."""
    _, _, numeric, categorical = training_rows()
    told: dict[str, Any] = {
        "id": "m1",
        "name": "churn",
        "version": 1,
        "sha256": "ab" * 32,
        "tags": ("production",),
        "threshold": THRESHOLD,
        "target": "Churn",
        "columns": (*numeric, *categorical),
        "facts": {"schema": SCHEMA},
        "pipeline": fitted(),
    }
    return LoadedModel(**{**told, **changes})


def register(client: Any, strength: float, name: str = "churn", tags: tuple[str, ...] = ("candidate",)) -> str:
    """Registers a model in the project's registry, and returns its id."""
    project_id = project_of(client, "clearml-flows/models")
    _, _, numeric, categorical = training_rows()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.skops"
        save_model(fitted(strength), path)
        sha256 = file_sha256(path)
        url = store_model_file(client, path, project_id, sha256)
    facts = {
        "sha256": sha256,
        "threshold": THRESHOLD,
        "features": {"target": "Churn", "numeric": numeric, "categorical": categorical},
        "schema": json.loads(SCHEMA_TEXT),
        "reason": "it was made for a test",
        "test_roc_auc": 0.8,
    }
    return register_model(client, name, project_id, url, facts, list(tags), "")
