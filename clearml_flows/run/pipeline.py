"""Pipeline for tabular data, shared by all flows. Flows differ in their settings and schema."""

import json
from typing import Any

# The import of a component makes it a step of the run. Steps are shown in this order.
# isort: off
from components.download import download
from components.validate import validate
from components.features import features
from components.version_dataset import version_dataset
from components.train_sweep import train_sweep
from components.register_best import register_best
from components.evaluate import evaluate

# isort: on
from clearml_flows.backend.connection import is_embedded
from clearml_flows.catalog import schema_text
from clearml_flows.run.controller import here, result
from clearml_flows.run.grid import expand
from clearml_flows.run.shards import deal, merge
from clearml_flows.settings import Settings, settings_file


def tabular(
    name: str,
    project: str,
    source: str,
    file: str,
    kaggle_dataset: str,
    kaggle_file: str,
    sha256: str,
    rows: int,
    max_bytes: int,
    timeout: float,
    drift_warn: float,
    drift_refuse: float,
    embedded: bool,
    schema: str,
    synthetic: str,
    test_size: float,
    split_seed: int,
    experiments: str,
    folds: int,
    repeats: int,
    metric: str,
    training_seed: int,
    jobs: int,
    shards: int,
    gate_metric: str,
    gate_minimum: float,
    gate_margin: float,
    calibration_maximum: float,
    segment_minimum: float,
    segment_drop: float,
    segment_rows: int,
    customer_value: float,
    offer_cost: float,
    offer_success: float,
) -> None:
    """Prepare and version the data, train the models, register the best and evaluate it.

    The last seven parameters are for a target of two classes.
    """
    raw = download(
        *(source, file, kaggle_dataset, kaggle_file, sha256, rows, split_seed, max_bytes, timeout, embedded, synthetic)
    )
    valid = validate(result(raw), schema)
    split = features(result(valid), schema, test_size, split_seed)
    dataset, _reused = version_dataset(result(split), project, name, drift_warn=drift_warn, drift_refuse=drift_refuse)
    parts = [
        train_sweep(
            *(result(dataset), part, folds, repeats, metric, training_seed, jobs, f"{project}/experiments"),
            shard=shards > 1,
        )
        for part in here(deal, experiments, shards)
    ]
    sweep = here(merge, [result(part) for part in parts])
    model = register_best(sweep, result(dataset), name, f"{project}/models", schema=schema)
    evaluate(
        result(model),
        result(dataset),
        gate_metric,
        gate_minimum,
        gate_margin,
        embedded,
        sweep=sweep,
        schema=schema,
        calibration_maximum=calibration_maximum,
        segment_minimum=segment_minimum,
        segment_drop=segment_drop,
        segment_rows=segment_rows,
        customer_value=customer_value,
        offer_cost=offer_cost,
        offer_success=offer_success,
    )


def parameters(name: str, settings: Settings) -> dict[str, Any]:
    """Return the pipeline's arguments for this flow from the settings."""
    flow, data, training, schema = settings.flow(name), settings.data, settings.training, schema_text(name)
    shared = data.model_dump(include={"source", "rows", "max_bytes", "timeout", "drift_warn", "drift_refuse"})
    own = flow.model_dump(include={"kaggle_dataset", "kaggle_file", "sha256", "metric", "gate_metric", "gate_minimum"})
    gate = settings.promotion.model_dump(exclude={"margin"})
    return {
        "name": name,
        "project": settings.project.name,
        "file": str(settings_file().parent / flow.file) if flow.file else "",
        "embedded": is_embedded(settings),
        "schema": schema,
        "synthetic": json.loads(schema).get("synthetic", ""),
        "test_size": settings.features.test_size,
        "split_seed": settings.features.seed,
        "experiments": json.dumps(expand(flow.experiments)),
        **training.model_dump(include={"folds", "repeats", "jobs"}),
        "training_seed": training.seed,
        "shards": settings.sweep.shards,
        "gate_margin": settings.promotion.margin,
        **shared,
        **own,
        **gate,
        **settings.business.model_dump(),
    }
