"""The churn flow: which customers of a telephone company will leave?

`python flows/churn_flow.py` runs it and waits; `--help` says what else it can do.
"""

import json
from pathlib import Path
from typing import Any

# To import a component is to make it a step of the run: this is the order in which they are shown.
# isort: off
from components.download import download
from components.validate import validate
from components.features import features
from components.version_dataset import version_dataset
from components.train_sweep import train_sweep
from components.register_best import register_best
from components.evaluate import evaluate

# isort: on
from flows.backend import is_embedded
from flows.command import main
from flows.controller import here, is_controller, result, run
from flows.settings import Settings, load, settings_file
from flows.shards import deal, merge


def churn(
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
    """Get the customers, check and split them, keep them as a version, train, register the best and judge it."""
    raw = download(source, file, kaggle_dataset, kaggle_file, sha256, rows, split_seed, max_bytes, timeout, embedded)
    valid = validate(result(raw), schema)
    split = features(result(valid), schema, test_size, split_seed)
    dataset, _reused = version_dataset(
        result(split), project, "churn", drift_warn=drift_warn, drift_refuse=drift_refuse
    )
    parts = [
        train_sweep(
            *(result(dataset), part, folds, repeats, metric, training_seed, jobs, f"{project}/experiments"),
            shard=shards > 1,
        )
        for part in here(deal, experiments, shards)
    ]
    sweep = here(merge, [result(part) for part in parts])
    model = register_best(sweep, result(dataset), "churn", f"{project}/models", schema=schema)
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


def parameters(settings: Settings) -> dict[str, Any]:
    """The flow's arguments, as the settings have them."""
    data, training, promotion = settings.data, settings.training, settings.promotion
    return {
        "project": settings.project.name,
        "source": data.source,
        "file": str(settings_file().parent / data.file),
        "kaggle_dataset": data.kaggle_dataset,
        "kaggle_file": data.kaggle_file,
        "sha256": data.sha256,
        "rows": data.rows,
        "max_bytes": data.max_bytes,
        "timeout": data.timeout,
        "drift_warn": data.drift_warn,
        "drift_refuse": data.drift_refuse,
        "embedded": is_embedded(settings),
        "schema": (Path(__file__).parent / "schemas" / "telco.json").read_text("utf-8"),
        "test_size": settings.features.test_size,
        "split_seed": settings.features.seed,
        "experiments": json.dumps([one.model_dump(exclude_defaults=True) for one in settings.churn.experiments]),
        "folds": training.folds,
        "repeats": training.repeats,
        "metric": training.metric,
        "training_seed": training.seed,
        "jobs": training.jobs,
        "shards": settings.sweep.shards,
        "gate_metric": promotion.metric,
        "gate_minimum": promotion.minimum,
        "gate_margin": promotion.margin,
        "calibration_maximum": promotion.calibration_maximum,
        "segment_minimum": promotion.segment_minimum,
        "segment_drop": promotion.segment_drop,
        "segment_rows": promotion.segment_rows,
        **settings.business.model_dump(),
    }


if __name__ == "__main__":
    if is_controller():
        settings = load()
        run(churn, settings, parameters(settings))
    else:
        main("churn")
